"""Cases as answers."""

from collections.abc import Sequence
from typing import Any, Final

from provenance.api.cases.answers import (
    CaseHold,
    CaseSummary,
    CaseView,
    HistoryItem,
    LinkedEvidence,
    StatedAmount,
    UnreadableCase,
)
from provenance.evidence.assessment import Assessment
from provenance.evidence.cases.fold import Case, LoggedAct
from provenance.evidence.cases.states import MOVES
from provenance.evidence.errors import UnreadableActError
from provenance.evidence.money import plain

NOTE: Final = (
    "a working aid and not legal advice; proofs were checked by the service itself, verify the "
    "receipts independently"
)
"""Said with every assessment."""


def view_of(case: Case, assessment: Assessment) -> CaseView:
    """Return all that is known of a case."""
    opened = case.opened
    facts: dict[str, Any] = dict(case.facts.to_json())
    return CaseView(
        case=case.case,
        claim=opened.claim,
        state=case.state,
        seq=case.seq,
        moves=list(MOVES[case.state]),
        shipments=list(case.shipments),
        claimant=opened.claimant,
        assessment=assessment,
        history=[_item(number, act) for number, act in enumerate(case.history)],
        note=NOTE,
        reference=opened.reference,
        carriage=list(opened.carriage),
        zone=opened.zone,
        amounts=[
            StatedAmount(role=role, currency=money.currency, value=plain(money.value))
            for role, money in case.amounts
        ],
        facts=facts,
        evidence=[LinkedEvidence(index, line) for index, line in case.evidence.items()],
        hold=(
            None
            if case.hold is None
            else CaseHold(reason=case.hold.reason, seq=case.hold.seq, author=case.hold.author)
        ),
        erased_acts=list(case.erased),
        state_doubts=list(case.state_doubts),
    )


def summary_of(case: Case) -> CaseSummary:
    """Return a case for a list."""
    return CaseSummary(
        case=case.case,
        claim=case.opened.claim,
        state=case.state,
        seq=case.seq,
        shipments=list(case.shipments),
        claimant=case.opened.claimant,
        opened_at=case.history[0].logged.recorded_at,
        changed_at=case.history[-1].logged.recorded_at,
        reference=case.opened.reference,
        on_hold=case.hold is not None,
        state_doubts=list(case.state_doubts),
    )


def unreadable(name: str, acts: Sequence[LoggedAct], error: UnreadableActError) -> UnreadableCase:
    """Return a case for a list of which nothing but its acts' places can be told."""
    return UnreadableCase(
        case=name,
        seq=len(acts),
        opened_at=acts[0].logged.recorded_at,
        changed_at=acts[-1].logged.recorded_at,
        reason=str(error),
    )


def _item(number: int, logged: LoggedAct) -> HistoryItem:
    act = logged.act
    says: dict[str, Any] | None = None if act is None else dict(act.body.to_json())
    return HistoryItem(
        seq=number,
        first_index=logged.logged.first_index,
        at=logged.logged.recorded_at,
        submitter=str(logged.submitter),
        proof=logged.logged.proof.value,
        remark=logged.logged.remark,
        act=None if act is None else act.body.ACT,
        author=None if act is None else act.author,
        says=says,
        erased_at=None if logged.logged.erased is None else logged.logged.erased.at,
        erased_ground=None if logged.logged.erased is None else logged.logged.erased.ground,
    )
