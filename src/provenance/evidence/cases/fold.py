"""What a case is, given its acts: a pure fold.

Rules: acts are taken in order of their numbers, from 0 and without a gap; the first opens the case
and no other does. An act whose payload was erased keeps its place in the history and changes nothing
that is known; what is left is taken as it was recorded, for an act that enabled it may be gone. A
new act alone is held against what is known of the case: moves follow the table of states, and a
closed case takes notes and legal holds only.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from uuid import UUID

from provenance.evidence.cases.acts import Act
from provenance.evidence.cases.bodies import (
    NO_FACTS,
    Amounts,
    AmountsChanged,
    Body,
    EvidenceLinked,
    EvidenceUnlinked,
    Facts,
    FactsChanged,
    HoldPlaced,
    HoldReleased,
    NoteAdded,
    Opened,
    StateChanged,
    check_amounts,
)
from provenance.evidence.cases.states import ENDING, MOVES, State, check_move
from provenance.evidence.clocks.clock import Circumstances
from provenance.evidence.cover_terms import CoverTerms
from provenance.evidence.errors import ClosedCaseError, UnknownEvidenceError, UnreadableActError
from provenance.evidence.facts import Logged, StatedFact
from provenance.evidence.rules.model import FactName


@dataclass(frozen=True, slots=True)
class LoggedAct:
    """An act as it is in the log; ``act`` is None once it was erased.

    It is None as well where ``is_damaged``: what is stored is no act.
    """

    logged: Logged
    submitter: UUID
    act: Act | None
    is_damaged: bool = False


@dataclass(frozen=True, slots=True)
class LegalHold:
    """Why nothing of the case may be erased, by whom, and the number of the act."""

    reason: str
    author: str | None
    seq: int


@dataclass(frozen=True, slots=True)
class Case:
    """A case as far as its acts tell. ``seq`` is the number that the next act has.

    ``state_since`` is the number of the act that brought the state. ``evidence`` maps the first
    index of each linked record to the checklist line that it was put to, if any; ``stated`` are the
    facts, each with the act that stated it last.
    """

    case: str
    shipments: tuple[str, ...]
    opened: Opened
    state: State = "opened"
    state_since: int = 0
    amounts: Amounts = ()
    facts: Facts = NO_FACTS
    stated: tuple[StatedFact, ...] = ()
    evidence: dict[int, str | None] = field(default_factory=dict)
    hold: LegalHold | None = None
    history: tuple[LoggedAct, ...] = ()

    @property
    def seq(self) -> int:
        """Number of the next act."""
        return len(self.history)

    @property
    def erased(self) -> tuple[int, ...]:
        """Numbers of the acts that were erased: what they changed is not known."""
        return tuple(number for number, one in enumerate(self.history) if one.act is None)

    @property
    def state_doubts(self) -> tuple[int, ...]:
        """Numbers of the erased acts that may have moved the case on from its state."""
        if not MOVES[self.state]:
            return ()
        return tuple(number for number in self.erased if number > self.state_since)

    @property
    def circumstances(self) -> Circumstances:
        """What the rules need to know."""
        return Circumstances(
            claim=self.opened.claim,
            carriage=self.opened.carriage,
            zone=self.opened.zone,
            stated=self.stated,
        )

    @property
    def cover(self) -> CoverTerms | None:
        """Terms of a customs-delay cover, if they are stated."""
        hours, total = self.facts.agreed_clearance_hours, self.facts.stated_sum
        if hours is None or total is None:
            return None
        return CoverTerms(agreed_hours=hours, sum=total)


def fold(acts: Iterable[LoggedAct]) -> Case | None:
    """Return the case that ``acts`` make, in their order; None if its opening is not there or erased.

    Raises:
        UnreadableActError: an act is damaged, or they are not those of one case and in order.

    """
    case: Case | None = None
    for number, logged in enumerate(acts):
        if logged.is_damaged:
            first = logged.logged.first_index
            raise UnreadableActError(f"the act at index {first} cannot be read; audit the log")
        if case is None:
            if logged.act is None:
                return None
            case = _open(logged.act, logged)
            continue
        if logged.act is not None:
            is_in_place = logged.act.case == case.case and logged.act.seq == number
            if not is_in_place or isinstance(logged.act.body, Opened):
                raise UnreadableActError(f"act {number} of {case.case} is not where it should be")
            case = applied(case, logged.act, logged.logged)
        case = replace(case, history=(*case.history, logged))
    return case


def check_act(case: Case, body: Body) -> None:
    """Refuse a new act that ``case`` does not take, as far as is known of it.

    Raises:
        UnlawfulMoveError: the table of states does not have the move.
        ClosedCaseError: the case does not take such an act now.
        UnknownEvidenceError: evidence is unlinked that is not linked.
        FormatError: an amount is none that could be paid.

    """
    check_amounts(body)
    if isinstance(body, Opened):
        raise ClosedCaseError("the case was opened already; open another one for another claim")
    if case.state == "closed" and not isinstance(body, NoteAdded | HoldPlaced | StateChanged):
        raise ClosedCaseError(
            "the case is closed: it takes notes and legal holds; open another one"
        )
    match body:
        case StateChanged():
            check_move(case.state, body.to)
        case EvidenceUnlinked():
            for first_index in body.evidence:
                if first_index not in case.evidence:
                    raise UnknownEvidenceError(f"record {first_index} is not linked to the case")
        case HoldReleased():
            if case.hold is None:
                raise ClosedCaseError("no legal hold stands; there is nothing to release")
        case HoldPlaced():
            if case.hold is not None:
                raise ClosedCaseError(f"a legal hold stands already, since act {case.hold.seq}")


def ends_something(case: Case, body: Body) -> bool:
    """Whether an act only ends a legal hold or brings the case nearer to its end.

    A case that is full takes such acts, or its hold would stand for ever. They are few by
    themselves: no hold is placed between two releases, and no state comes twice. What was not
    submitted yet is, since no decision comes before that; what was rejected begins no second time.
    """
    if isinstance(body, StateChanged):
        return body.to in ENDING or (body.to == "submitted" and case.state not in ENDING)
    return isinstance(body, HoldReleased)


def applied(case: Case, act: Act, logged: Logged) -> Case:
    """Return ``case`` after ``act``, which is not in its history yet and is taken as it is."""
    match act.body:
        case StateChanged(to=to):
            return replace(case, state=to, state_since=act.seq)
        case AmountsChanged(amounts=amounts):
            return replace(case, amounts=amounts)
        case FactsChanged(facts=facts):
            return _stated(case, facts, logged)
        case EvidenceLinked(evidence=evidence):
            linked = {one.first_index: one.line for one in evidence}
            return replace(case, evidence={**case.evidence, **linked})
        case EvidenceUnlinked(evidence=unlinked):
            kept = {first: line for first, line in case.evidence.items() if first not in unlinked}
            return replace(case, evidence=kept)
        case HoldReleased():
            return replace(case, hold=None)
        case HoldPlaced(reason=reason):
            return replace(case, hold=LegalHold(reason, act.author, act.seq))
        case _:
            return case


def _open(act: Act, logged: LoggedAct) -> Case:
    if not isinstance(act.body, Opened) or act.seq != 0:
        raise UnreadableActError(f"the first act of {act.case} does not open it")
    case = Case(
        case=act.case,
        shipments=act.shipments,
        opened=act.body,
        amounts=act.body.amounts,
        history=(logged,),
    )
    return _stated(case, act.body.facts, logged.logged)


def _stated(case: Case, facts: Facts, logged: Logged) -> Case:
    old: dict[FactName, StatedFact] = {fact.name: fact for fact in case.stated}
    new = {name: StatedFact(name=name, day=day, logged=logged) for name, day in facts.days.items()}
    kept = case.facts
    return replace(
        case,
        stated=tuple({**old, **new}.values()),
        facts=Facts(
            days={**kept.days, **facts.days},
            agreed_clearance_hours=facts.agreed_clearance_hours or kept.agreed_clearance_hours,
            stated_sum=facts.stated_sum or kept.stated_sum,
        ),
    )
