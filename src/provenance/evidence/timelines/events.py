"""Stored events read again as far as queries and timelines need it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from provenance.core.errors import ProvenanceError
from provenance.intake.event import Containment
from provenance.intake.subjects import spelled

_decode: Final = msgspec.json.Decoder().decode

PARCEL_LISTS: Final = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
"""Fields whose members may belong to different parties."""
EPC_FIELDS: Final = ("epcList", "childEPCs")
"""What MATCH_epc looks at (EPCIS 2.0, section 8.2.7.1)."""
ANY_EPC_FIELDS: Final = (*PARCEL_LISTS, "parentID")
"""What MATCH_anyEPC looks at."""


class UnreadableEventError(ProvenanceError):
    """A stored payload that is no event any more."""

    code = "event-unreadable"


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """A stored event, decoded; ``prefixes`` are those of the contexts in force."""

    value: Mapping[str, Any]
    prefixes: Mapping[str, str]

    @classmethod
    def of(cls, payload: bytes, prefixes: Mapping[str, str]) -> "ReadEvent":
        """Decode a payload that was validated when it came."""
        try:
            value = _decode(payload)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise UnreadableEventError("a stored event cannot be read") from error
        return cls(value=value, prefixes=prefixes)

    @property
    def has_own_context(self) -> bool:
        """Whether the event declares a context itself."""
        return "@context" in self.value

    def epcs(self, fields: tuple[str, ...]) -> Iterator[str]:
        """Canonical spellings of the identifiers in ``fields``."""
        for name in fields:
            value = self.value.get(name)
            if isinstance(value, str):
                yield spelled(value, self.prefixes)
            elif isinstance(value, list):
                for item in value:
                    yield spelled(item, self.prefixes)

    @property
    def lists_several_parcels(self) -> bool:
        """Whether it names more than one parcel side by side."""
        return len(set(self.epcs(PARCEL_LISTS))) > 1

    @property
    def containment(self) -> Containment | None:
        """What it packs or unpacks, if it does."""
        if self.value.get("type") not in {"AggregationEvent", "AssociationEvent"}:
            return None
        if "parentID" not in self.value:
            return None
        return Containment(
            action=self.value["action"],
            parent=spelled(self.value["parentID"], self.prefixes),
            children=tuple(self.epcs(("childEPCs",))),
        )
