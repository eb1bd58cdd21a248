"""Cross-checks as they are shown."""

from typing import Literal

import msgspec

Verdict = Literal["agrees", "differs", "revised", "not_comparable"]
Standing = Literal["own", "other", "superseded"]


class Stated(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one record says.

    ``first_index`` is the record that says it: of what a description says, the description, and
    ``document`` is then the document's. ``source`` is where in it that stands, ``by`` the kind of
    document; what the claimant states in an act of the ``case`` is by the name of the fact.
    ``standing``: the document's ``own`` word, by whoever sent it; what an ``other``
    organisation says of it; or what its sender said before, ``superseded`` by a newer description.
    ``submitter`` is who recorded it, by the statement, ``organisation`` the operator's name for it.
    """

    first_index: int
    value: str
    source: Literal["description", "UBL", "CII", "event", "log", "case"]
    by: str = ""
    document: int | None = None
    standing: Standing = "own"
    submitter: str = ""
    organisation: str = ""


class CrossCheck(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One comparison and what came of it; nothing is decided for the reader.

    ``revised``: a document's sender said otherwise of it in an earlier description. ``parcel`` is
    the one that was compared by itself, where several came out differently.
    """

    id: str
    title: str
    verdict: Verdict
    stated: list[Stated]
    explanation: str = ""
    parcel: str = ""
