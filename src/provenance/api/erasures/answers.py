"""Erasures as they are asked for and shown; times in milliseconds since the epoch."""

from typing import Literal

import msgspec

Ground = Literal[
    "data_subject_request",
    "consent_withdrawn",
    "objection",
    "unlawful_processing",
    "legal_obligation",
    "no_longer_necessary",
    "retention_ended",
]
KindName = Literal["event", "document", "case", "identity"]


class ErasureRequest(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What shall be erased, why, and who says so.

    ``records`` are indexes of any entry of each record, ``subjects`` parcels or waybills of which
    everything goes. What describes a document goes with it, unless ``with_descriptions`` is false.
    With ``kind`` only records of that kind are taken, others are refused. ``author`` and ``note``
    are kept sealed in the erasure record; name the request there, not the person that it is about.
    ``dry_run`` shows what would go.
    """

    ground: Ground
    author: str
    records: list[int] = []
    subjects: list[str] = []
    note: str | None = None
    kind: KindName | None = None
    with_descriptions: bool = True
    dry_run: bool = False


class ErasedItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record that goes, or stays for the ``reason`` given.

    ``subjects`` is how many parcels and shipments it is about: an event that lists several goes as
    a whole.
    """

    first_index: int
    kind: str
    at: int
    subjects: int
    type: str | None = None
    describes: int | None = None
    reason: str | None = None


class Erasure(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order of erasure and how far it is.

    *requested*: on the list; *erased*: the log names it, nobody can read it any more; *purged*:
    nothing is left in tables, write-ahead log and copies; *withdrawn*: a legal hold came first.
    ``first_index`` is the erasure record's, ``left`` what remains to be done, with the reason.
    ``entries`` counts ``leaves``, which a list leaves out.
    """

    id: str
    at: int
    ground: str
    state: Literal["requested", "erased", "purged", "withdrawn"]
    entries: int
    leaves: list[str] = []
    first_index: int | None = None
    purged_at: int | None = None
    left: list[str] = []


class ErasureAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What goes, what stays, and the orders; none of these for a dry run.

    ``warnings`` say which claims cases change with it: a legal hold that stands again, a state that
    is no longer told.
    """

    erased: list[ErasedItem]
    kept: list[ErasedItem]
    erasures: list[Erasure]
    warnings: list[str] = []


class DueRecords(msgspec.Struct, frozen=True):
    """Records whose retention has ended and that nothing keeps; the daily pass erases them.

    ``is_complete`` is false where there are more.
    """

    records: list[ErasedItem]
    is_complete: bool


class Erasures(msgspec.Struct, frozen=True, omit_defaults=True):
    """One page of orders, newest first; ``nextPageToken`` is that of the page after it."""

    erasures: list[Erasure]
    nextPageToken: str | None = None  # noqa: N815 - spelled as EPCIS does
