"""What is posted for verification, and what comes back."""

from typing import Any

import msgspec


class PostedReceipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receipt: its canonical JSON as it is, or those bytes as a string.

    ``payload`` is the event or document in base64.
    """

    receipt: msgspec.Raw
    payload: bytes | None = None
    name: str = ""


class VerificationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Receipts that are checked together, with the acknowledgements that were kept."""

    receipts: list[PostedReceipt]
    acknowledgements: list[str] = []
    complete: bool = False


class Verification(msgspec.Struct, frozen=True):
    """The verdicts: overall, of each receipt, trail and acknowledgement, and misconduct found.

    ``outcome`` is VALID, INVALID, UNKNOWN, or MALFORMED: nothing is INVALID, but something that was
    posted is no receipt, and ``malformed`` says why.
    """

    outcome: str
    note: str
    receipts: list[dict[str, Any]]
    malformed: list[dict[str, Any]]
    trails: list[dict[str, Any]]
    acknowledgements: list[dict[str, Any]]
    misconduct: list[dict[str, Any]]
    qualification: str = ""
