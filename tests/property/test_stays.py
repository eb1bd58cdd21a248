"""A timeline follows a container for as long as the parcel is in it, however often that is."""

import asyncio
from typing import Any, cast

from hypothesis import example, given
from hypothesis import strategies as st

from fixtures.memory_trails import MemoryTrails
from provenance.evidence.timelines.contexts import Contexts
from provenance.evidence.timelines.trails import TrailStore
from provenance.evidence.timelines.walking import TrailWalker, WalkLimits

SHIPMENT, PARCEL, OTHER, CAGE = (f"urn:example:{name}" for name in ("w", "p", "o", "c"))
LIMITS = WalkLimits(trails=64, records=1_000, payload_bytes=1 << 20)
"""More than any of these walks needs."""

WHAT = st.sampled_from(
    [
        ("ADD", PARCEL),
        ("ADD", OTHER),
        ("ADD", PARCEL, OTHER),
        ("DELETE", PARCEL),
        ("DELETE", OTHER),
        ("DELETE",),
    ]
)


def recorded(history: list[Any]) -> tuple[MemoryTrails, set[int]]:
    """What is logged, an event every other millisecond, and the ones between in which one is in."""
    trails, inside, times = MemoryTrails(), set[str](), set[int]()
    listed = {"type": "ObjectEvent", "action": "OBSERVE", "epcList": [PARCEL, OTHER]}
    trails.add(-1, listed, SHIPMENT, PARCEL, OTHER)
    for number, (action, *children) in enumerate(history):
        trails.pack(2 * number, action, CAGE, *children)
        if action == "ADD":
            inside |= set(children)
        else:
            inside -= set(children or (PARCEL, OTHER))
        if inside:
            times.add(2 * number + 1)
    return trails, times


def followed(trails: MemoryTrails, subject: str, between: range) -> set[int]:
    walker = TrailWalker(cast("TrailStore", trails), cast("Contexts", trails))

    async def walk() -> set[int]:
        steps = [step async for step in walker.follow(subject, limits=LIMITS)]
        assert all(step.is_whole for step in steps)
        stays = [step.window for step in steps if step.lead.subject == CAGE]
        return {time for time in between if any(time in stay for stay in stays)}

    return asyncio.run(walk())


@given(history=st.lists(WHAT, max_size=12))
@example(history=[("ADD", PARCEL), ("DELETE",), ("ADD", PARCEL)])
@example(history=[("ADD", PARCEL, OTHER), ("DELETE",), ("ADD", OTHER)])
def test_the_container_is_followed_exactly_while_one_of_the_parcels_is_in_it(
    history: list[Any],
) -> None:
    trails, times = recorded(history)
    assert followed(trails, SHIPMENT, range(1, 2 * len(history), 2)) == times
