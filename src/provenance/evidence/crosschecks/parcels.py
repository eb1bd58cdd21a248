"""Puts together what concerns one parcel, so that parcels are compared each by itself.

What names no parcel is about the whole shipment, and concerns each of them. Comparisons that come
out alike for many parcels are shown once and counted.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol, TypeVar

import msgspec

from provenance.evidence.crosschecks.model import CrossCheck

MAX_PARCELS: Final = 16
"""Parcels that are shown of one comparison, those that contradict themselves first."""


class Concerning(Protocol):
    """Something that is about parcels; about none of them: about all."""

    @property
    def about(self) -> tuple[str, ...]:
        """The parcels that it names."""
        ...


T = TypeVar("T", bound=Concerning)


def for_each_parcel(*groups: Sequence[T]) -> Iterator[tuple[str, list[list[T]]]]:
    """Yield each parcel with what concerns it of each group; '' where nothing names a parcel."""
    parcels = dict.fromkeys(name for group in groups for one in group for name in one.about)
    if not parcels:
        yield "", [list(group) for group in groups]
        return
    of_all = [[one for one in group if not one.about] for group in groups]
    named: list[dict[str, list[T]]] = [{} for _ in groups]
    for group, by_name in zip(groups, named, strict=True):
        for one in group:
            for name in one.about:
                by_name.setdefault(name, []).append(one)
    for parcel in parcels:
        yield (
            parcel,
            [
                [*shared, *by_name.get(parcel, ())]
                for shared, by_name in zip(of_all, named, strict=True)
            ],
        )


def together(checks: Iterable[CrossCheck]) -> list[CrossCheck]:
    """Return the comparisons of parcels, each distinct one that contradicts itself by itself.

    Those of one kind that agree are shown as one, with the number of parcels; ``parcel`` stays
    only where several comparisons of a kind came out of the parcels.
    """
    kinds: dict[str, list[CrossCheck]] = {}
    for check in checks:
        kinds.setdefault(check.id, []).append(check)
    return [one for found in kinds.values() for one in _together(found)]


def _together(found: Sequence[CrossCheck]) -> Iterator[CrossCheck]:
    distinct: dict[tuple[int, ...], list[CrossCheck]] = {}
    for check in found:
        records = tuple(one.first_index for one in check.stated)
        distinct.setdefault(records, []).append(check)
    if len(distinct) == 1:
        yield msgspec.structs.replace(found[0], parcel="")
        return
    differing = [same for same in distinct.values() if same[0].verdict != "agrees"]
    left = sum(len(same) for same in differing[MAX_PARCELS:])
    for at, same in enumerate(differing[:MAX_PARCELS]):
        more = len(same) - 1 + (left if at == MAX_PARCELS - 1 else 0)
        yield _with(same[0], f"so for {more} more parcels" if more else "")
    agreeing = [one for one in found if one.verdict == "agrees"]
    if agreeing:
        yield _with(agreeing[0], f"so for {len(agreeing)} parcels, each by itself; one is shown")


def _with(check: CrossCheck, note: str) -> CrossCheck:
    explanation = "; ".join(filter(None, [check.explanation, note]))
    return msgspec.structs.replace(check, explanation=explanation)
