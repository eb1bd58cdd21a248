"""What a dossier is made of: plain values, whoever gathered them.

Documents come as functions that open a stream of their bytes, so that they are never held whole.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from provenance.core.jcs import JsonValue
from provenance.core.receipt import Receipt
from provenance.verify.dossier.closing import Closing
from provenance.verify.dossier.timestamps import Timestamp


@dataclass(frozen=True, slots=True)
class DossierDocument:
    """One document of the case, in its place; ``read`` is None where ``state`` says why.

    ``record`` is the index of its record's first entry, ``code`` its UNTDID 1001 code (the
    statement's ``type``), ``media_type`` the statement's, ``title`` the name it was uploaded with.
    """

    record: int
    media_type: str
    read: Callable[[], Iterable[bytes]] | None
    code: str | None = None
    title: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class DossierEvent:
    """The payload of an event's record, byte for byte; ``record`` is its first entry's index."""

    record: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class CaseName:
    """Which claims case a dossier is of."""

    id: str
    type: str
    state: str


@dataclass(frozen=True, slots=True)
class DossierContent:
    """Everything that one dossier holds.

    ``origins`` are the logs of its entries, the newest first; ``subjects`` those whose trails are
    whole in it. ``receipts`` are of every entry of these trails, and of each entry of the records
    that are shown; what is withheld has a receipt that says so. ``anchors`` are the lines of
    ``evidence/anchors.jsonl``, ``timestamps`` those of time-stamping authorities, by rising size. ``case`` is kept as ``case.json``, ``report`` as ``case.pdf``;
    ``is_report_missing`` where it could not be made. ``unlisted`` is how many documents more there
    are, of which the receipts tell no more than place and order. ``verifier`` is the page that checks it.
    """

    origins: tuple[str, ...]
    subjects: tuple[str, ...]
    receipts: tuple[Receipt, ...]
    closing: Closing
    anchors: tuple[bytes, ...]
    documents: tuple[DossierDocument, ...] = ()
    events: tuple[DossierEvent, ...] = ()
    case: CaseName | None = None
    case_file: "JsonValue | None" = None
    report: bytes | None = None
    is_report_missing: bool = False
    verifier: bytes | None = None
    timestamps: tuple[Timestamp, ...] = ()
    unlisted: int = 0
