"""Cross-checks as they are shown."""

from typing import Literal

import msgspec

Verdict = Literal["agrees", "differs", "not_comparable"]


class Stated(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one record says; ``source`` is where in it that stands, ``by`` the kind of document."""

    first_index: int
    value: str
    source: Literal["description", "UBL", "CII", "event", "log"]
    by: str = ""


class CrossCheck(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One comparison and what came of it; nothing is decided for the reader."""

    id: str
    title: str
    verdict: Verdict
    stated: list[Stated]
    explanation: str = ""
