"""Keys by which a submission that was already accepted is recognised.

Events are told apart by (submitter, eventID, whether they declare an error, when they declared
it): a correction re-uses the eventID of what it corrects. All values leave here as HMAC with a
secret of the server, because they outlive an erasure, and a bare hash of an event could be
guessed from its few unknown digits.
"""

from dataclasses import dataclass, field
from typing import Final

from provenance.core.digests import hmac_sha256, sha256

EVENT_URN: Final = "urn:provenance:event:"
"""Prefix of the id of an event that came without one."""


@dataclass(frozen=True, slots=True)
class EventKeys:
    """Maker of the keys; ``secret`` is 32 random bytes of the server."""

    secret: bytes = field(repr=False)

    def own_id(self, *, submitter: str, context_sha256: bytes, raw: bytes) -> str:
        """Id of an event without eventID: the same bytes of the same submitter give the same."""
        content = submitter.encode() + b"\n" + context_sha256 + sha256(raw)
        return EVENT_URN + hmac_sha256(self.secret, b"event-id/v1\n" + content).hex()

    def repetition_key(
        self, *, submitter: str, event_id: str, declared_at: int | None, is_correction: bool
    ) -> bytes:
        """Key of one event of one submitter, 32 bytes; ``declared_at`` is in milliseconds."""
        declaration = f"{declared_at}" if is_correction else "-"
        # A newline can't occur in an id, so that the parts can't run into each other.
        parts = f"{submitter}\n{declaration}\n{event_id}".encode()
        return hmac_sha256(self.secret, b"repetition/v1\n" + parts)

    def content_mac(self, *, context_sha256: bytes, raw: bytes) -> bytes:
        """Tell the same bytes under the same context from any other, 32 bytes."""
        return hmac_sha256(self.secret, b"content/v1\n" + context_sha256 + sha256(raw))
