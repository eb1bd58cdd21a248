"""Comparisons as they are shown: bounded, and with a word on whoever speaks for what it did not send."""

from collections.abc import Sequence
from typing import Final

from provenance.evidence.crosschecks.model import CrossCheck, Stated, Verdict

MAX_SHOWN: Final = 16
"""Statements of one comparison: enough to see who says what."""


def compared(
    check_id: str,
    title: str,
    found: Sequence[Stated],
    *,
    verdict: Verdict,
    explanation: str = "",
    parcel: str = "",
) -> CrossCheck:
    """Return the comparison; of many statements the documents' own words are shown first."""
    others = [one.first_index for one in found if one.standing == "other"]
    parts = [explanation] if explanation else []
    if others:
        named = ", ".join(f"{index}" for index in others[:MAX_SHOWN])
        parts.append(f"record {named}: not by who sent the document that it describes")
    shown = list(found)
    if len(found) > MAX_SHOWN:
        shown = sorted(found, key=lambda one: one.standing != "own")[:MAX_SHOWN]
        parts.append(f"{len(found) - MAX_SHOWN} more statements are not shown")
    return CrossCheck(
        id=check_id,
        title=title,
        verdict=verdict,
        stated=shown,
        explanation="; ".join(parts),
        parcel=parcel,
    )
