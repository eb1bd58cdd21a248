"""What is asked for: as callers send it, and as the process that writes the dossier gets it."""

from typing import Final
from uuid import UUID

import msgspec

MAX_REQUEST: Final = 1 << 20
"""Bytes: the indexes of a hundred thousand records."""
LINES: Final = "application/vnd.provenance.dossier+lines"
"""Media type of a dossier behind lines of JSON that tell how far it has come."""

ERASED_MEANWHILE: Final = 75
"""Status with which the process ends where something was erased after the dossier's first byte: it
failed for now (EX_TEMPFAIL of sysexits.h)."""


class ChosenFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fields of one event that are shown, by JSON pointer (RFC 6901)."""

    first_index: int
    pointers: list[str]


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a recipient is shown; everything else stands in its place as withheld.

    ``records`` are shown whole, by the index of the first entry: documents, events, acts. Of those
    in ``statements`` it is shown what they are and who recorded them, of those in ``fields`` some
    fields besides. ``case`` adds the case itself, with its checklist and its report.
    """

    records: list[int] = []
    statements: list[int] = []
    fields: list[ChosenFields] = []
    case: bool = False


class DossierRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A dossier; without ``only`` it shows everything that the key may see, but for claims.

    What claimants said is in the dossier of their own case. In that of a shipment the acts of its
    cases are shown with ``cases``, or where ``only`` names them.
    """

    only: Chosen | None = None
    cases: bool = False


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """A dossier of a ``case`` or a ``shipment``, both canonical subjects, and who asks for it.

    With ``cases`` that of a shipment shows what was said in its cases.
    """

    role: str
    organisation: UUID
    reference: str
    case: str | None = None
    shipment: str | None = None
    only: Chosen | None = None
    cases: bool = False

    @property
    def named(self) -> frozenset[int]:
        """Records that are asked for one by one, by the index of their first entry."""
        if self.only is None:
            return frozenset()
        fields = (one.first_index for one in self.only.fields)
        return frozenset([*self.only.records, *self.only.statements, *fields])


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far it has come: what is being done, how much of it is done, and how much there is."""

    doing: str
    done: int
    total: int


class Begins(msgspec.Struct, frozen=True):
    """The dossier follows: so many bytes."""

    size: int


class Refused(msgspec.Struct, frozen=True):
    """There will be no dossier: the status, headers and body of a problem document."""

    status: int
    headers: dict[str, str]
    problem: msgspec.Raw


Line = Told | Begins | Refused
