"""What is no longer told of a case once acts of it are erased: pure, for whoever orders that."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from provenance.evidence.cases.fold import LoggedAct, fold
from provenance.evidence.errors import UnreadableActError


def losses(name: str, acts: Sequence[LoggedAct], gone: Collection[int]) -> Iterator[str]:
    """Tell what changes about the case ``name``, with the remedy.

    Args:
        name: subject of the case.
        acts: all of its acts, as they are now.
        gone: first indexes of records that are erased.

    """
    left = [
        replace(one, act=None, is_damaged=False) if one.logged.first_index in gone else one
        for one in acts
    ]
    try:
        before, after = fold(acts), fold(left)
    except UnreadableActError as error:
        yield f"what changes about {name} cannot be told: {error}"
        return
    if before is None or after is None:
        return
    if before.hold is None and after.hold is not None:
        yield (
            f"the legal hold of act {after.hold.seq} of {name} stands again, for the act that "
            "released it goes: nothing that the case rests on can be erased until another "
            "hold_released is recorded, which a closed case takes too"
        )
    if before.state != after.state:
        yield (
            f"{name} is {after.state} again instead of {before.state}, for the act that moved it on "
            "goes: record the move again if it shall stay"
        )
