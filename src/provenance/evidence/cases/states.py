"""States of a case, and the lawful moves between them: a table, and the error that quotes it."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

from provenance.evidence.errors import UnlawfulMoveError

State: TypeAlias = Literal[
    "opened", "collecting", "submitted", "accepted", "rejected", "withdrawn", "closed"
]
STATES: Final[tuple[State, ...]] = get_args(State)

MOVES: Final[Mapping[State, tuple[State, ...]]] = {
    "opened": ("collecting", "submitted", "withdrawn"),
    "collecting": ("submitted", "withdrawn"),
    # Whoever decides may ask for more.
    "submitted": ("collecting", "accepted", "rejected", "withdrawn"),
    "accepted": ("closed",),
    # A rejection may be contested.
    "rejected": ("submitted", "closed"),
    "withdrawn": ("closed",),
    "closed": (),
}
"""From each state, those that may follow it."""

ENDING: Final[frozenset[State]] = frozenset({"accepted", "rejected", "withdrawn", "closed"})
"""States on the way out: a case that only moves to these comes to at most two, the last of them closed."""


def check_move(state: State, to: State) -> None:
    """Refuse a move that the table does not have.

    Raises:
        UnlawfulMoveError: names the lawful ones.

    """
    if to not in MOVES[state]:
        raise UnlawfulMoveError(state=state, to=to, lawful=MOVES[state])
