"""Acts and the fold over them: strict, lawful, and the same whoever folds."""

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.core.digests import LeafHash
from provenance.core.errors import FormatError
from provenance.core.jcs import canonicalize, parse
from provenance.evidence.cases.acts import CASE_URN, Act
from provenance.evidence.cases.bodies import (
    AmountsChanged,
    Body,
    EvidenceLinked,
    EvidenceUnlinked,
    Facts,
    FactsChanged,
    HoldPlaced,
    HoldReleased,
    Linked,
    NoteAdded,
    Opened,
    StateChanged,
)
from provenance.evidence.cases.fold import LoggedAct, applied, check_act, fold
from provenance.evidence.cases.records import act_key, act_mac, act_submission, case_id
from provenance.evidence.cases.states import MOVES, STATES, State, check_move
from provenance.evidence.described import Described
from provenance.evidence.errors import (
    AmountError,
    ClosedCaseError,
    EvidenceError,
    UnlawfulMoveError,
    UnreadableActError,
)
from provenance.evidence.facts import Logged
from provenance.evidence.money import Money
from provenance.intake.repetition import EventKeys
from provenance.verify.audit.expected import AuditedPayload
from provenance.wiring.auditing import expected_events

CASE = CASE_URN + "a" * 32
SHIPMENT = "https://id.gs1.org/00/095211411234567892"
SUBMITTER = UUID(int=7)
KEYS = EventKeys(b"k" * 32)


def act(seq: int, body: object) -> Act:
    return Act(CASE, seq, (SHIPMENT,), body)  # type: ignore[arg-type]


OPENED = act(0, Opened(claim="damage", claimant="N"))


def logged(*acts: Act | None) -> list[LoggedAct]:
    return [
        LoggedAct(logged=Logged(first_index=at, recorded_at=at), submitter=SUBMITTER, act=one)
        for at, one in enumerate(acts)
    ]


def test_an_act_survives_being_written_and_read() -> None:
    linked = Linked(first_index=4, leaf=LeafHash(bytes(32)), line="invoice")
    for one in (OPENED, act(1, EvidenceLinked((linked,))), act(2, NoteAdded('é \u2028 "quoted"'))):
        assert Act.decode(one.encode()) == one
        assert Act.decode(one.encode()).subjects == (CASE, SHIPMENT)


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"case": "urn:provenance:case:short"},
        {"seq": -1},
        {"act": "sung"},
        {"shipments": []},
        {"shipments": [SHIPMENT, SHIPMENT]},
        {"shipments": [7]},
        {"more": "x"},
        {"facts": {}},
    ],
)
def test_a_stored_act_that_is_not_exactly_one_is_refused(change: dict[str, object]) -> None:
    value = parse(OPENED.encode())
    assert isinstance(value, dict)
    with pytest.raises(FormatError):
        Act.decode(canonicalize({**value, **change}))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_no_act_and_no_description(data: bytes) -> None:
    for read in (Act.decode, Described.decode):
        with pytest.raises(FormatError):
            read(data)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("to", STATES)
def test_moves_are_those_of_the_table_and_no_others(state: State, to: State) -> None:
    if to in MOVES[state]:
        check_move(state, to)
    else:
        with pytest.raises(UnlawfulMoveError) as caught:
            check_move(state, to)
        assert caught.value.lawful == MOVES[state]


def test_every_state_can_be_reached_and_every_one_can_end() -> None:
    reached, waiting = {"opened"}, ["opened"]
    while waiting:
        for to in MOVES[waiting.pop()]:  # type: ignore[index] # a state
            if to not in reached:
                reached.add(to)
                waiting.append(to)
    assert reached == set(STATES)
    assert [state for state in STATES if not MOVES[state]] == ["closed"]


def test_facts_add_up_and_remember_who_stated_them() -> None:
    def fact(seq: int, text: str, **days: str) -> Act:
        value = {"v": 1, "case": CASE, "seq": seq, "act": text, "shipments": [SHIPMENT]}
        return Act.decode(canonicalize({**value, "facts": days}))

    case = fold(
        logged(
            OPENED,
            fact(1, "facts_changed", arrived_on="2025-01-01", contract_on="2024-12-01"),
            fact(2, "facts_changed", arrived_on="2025-01-02"),
        )
    )
    assert case is not None
    assert {one.name: (one.day.isoformat(), one.logged.first_index) for one in case.stated} == {
        "arrived_on": ("2025-01-02", 2),
        "contract_on": ("2024-12-01", 1),
    }


def test_a_hold_stands_until_it_is_released() -> None:
    acts = [OPENED, act(1, HoldPlaced("court")), act(2, HoldReleased("settled"))]
    held, free = fold(logged(*acts[:2])), fold(logged(*acts))
    assert held is not None
    assert free is not None
    assert held.hold is not None
    assert (held.hold.reason, held.hold.seq, free.hold) == ("court", 1, None)


def test_an_erased_act_keeps_its_place_and_a_case_without_its_opening_is_none() -> None:
    case = fold(logged(OPENED, None, act(2, StateChanged("submitted"))))
    assert case is not None
    assert (case.seq, case.state) == (3, "submitted")
    assert fold(logged(None, act(1, NoteAdded("n")))) is None
    assert fold([]) is None


@pytest.mark.parametrize(
    "acts",
    [
        [act(1, NoteAdded("n"))],
        [OPENED, act(2, NoteAdded("n"))],
        [OPENED, Act(CASE_URN + "b" * 32, 1, (SHIPMENT,), NoteAdded("n"))],
    ],
)
def test_acts_that_are_not_where_they_should_be_are_not_folded(acts: list[Act]) -> None:
    with pytest.raises(UnreadableActError):
        fold(logged(*acts))


@given(st.lists(st.sampled_from(STATES), max_size=12))
def test_a_case_is_always_in_the_state_of_its_last_lawful_move(moves: list[State]) -> None:
    case = fold(logged(OPENED))
    assert case is not None
    expected: State = "opened"
    for to in moves:
        step = act(1, StateChanged(to))
        if to in MOVES[expected]:
            check_act(case, step.body)
            case = applied(case, step, Logged(0, 0))
            expected = to
        else:
            with pytest.raises(UnlawfulMoveError):
                check_act(case, step.body)
        assert case.state == expected


BODIES: list[Body] = [
    *(StateChanged(state) for state in STATES),
    HoldPlaced("court"),
    HoldReleased("settled"),
    EvidenceLinked((Linked(first_index=4, leaf=LeafHash(bytes(32))),)),
    EvidenceUnlinked((4,), "another parcel's"),
    AmountsChanged(()),
    NoteAdded("n"),
]


@given(st.lists(st.tuples(st.sampled_from(BODIES), st.booleans()), max_size=16))
def test_whatever_is_erased_the_rest_is_folded_and_its_last_move_tells_the_state(
    wanted: list[tuple[Body, bool]],
) -> None:
    whole = fold(logged(OPENED))
    assert whole is not None
    acts: list[Act | None] = [OPENED]
    for body, is_erased in wanted:
        with suppress(EvidenceError):
            check_act(whole, body)
            step = act(len(acts), body)
            whole = applied(whole, step, Logged(0, 0))
            acts.append(None if is_erased else step)
    case = fold(logged(*acts))
    assert case is not None
    moves = {one.seq: one.body.to for one in acts if one and isinstance(one.body, StateChanged)}
    last = max(moves, default=0)
    assert (case.state, case.state_since) == (moves.get(last, "opened"), last)
    gone = tuple(number for number, one in enumerate(acts) if one is None)
    assert case.erased == gone
    later = tuple(number for number in gone if number > last)
    assert case.state_doubts == (() if case.state == "closed" else later)
    # Nothing that is erased closes a case: closed is what a move that is left says.
    assert whole.state == "closed" or case.state != "closed"


def test_an_amount_that_was_recorded_before_amounts_were_checked_is_read() -> None:
    below = AmountsChanged((("claimed", Money("EUR", Decimal("-412.505"))),))
    recorded = Act.decode(act(1, below).encode())
    case = fold(logged(OPENED, recorded))
    assert case is not None
    assert case.amounts == below.amounts
    with pytest.raises(AmountError, match="not below zero"):
        check_act(case, below)


def test_a_second_opening_is_no_act_of_a_case() -> None:
    second = act(1, Opened(claim="delay", claimant="M"))
    with pytest.raises(UnreadableActError):
        fold(logged(OPENED, second))
    case = fold(logged(OPENED))
    assert case is not None
    with pytest.raises(ClosedCaseError):
        check_act(case, second.body)


def test_a_damaged_act_is_told_from_an_erased_one() -> None:
    acts = logged(OPENED, None)
    assert fold(acts) is not None
    acts[1] = replace(acts[1], is_damaged=True)
    with pytest.raises(UnreadableActError, match="index 1 cannot be read"):
        fold(acts)


def test_acts_with_one_number_share_their_key_whoever_sends_them() -> None:
    def record(one: Act, submitter: int) -> tuple[bytes, bytes]:
        submission = act_submission(
            one, state="opened", submitter=UUID(int=submitter), keys=KEYS, random_bytes=bytes
        )
        (draft,) = submission.records
        return draft.dedup_key, draft.content_mac

    note, other = act(1, NoteAdded("a")), act(1, NoteAdded("b"))
    assert record(note, 1)[0] == record(other, 2)[0] != record(act(2, NoteAdded("a")), 1)[0]
    assert record(note, 1)[1] != record(other, 1)[1]
    assert record(note, 1)[1] != record(note, 2)[1]


def test_a_key_names_one_case_for_each_organisation() -> None:
    def opened(organisation: int, key: str | None, random: bytes = bytes(16)) -> str:
        return case_id(organisation=UUID(int=organisation), key=key, keys=KEYS, random=random)

    assert opened(1, "k") == opened(1, "k", b"\1" * 16)
    assert len({opened(1, "k"), opened(2, "k"), opened(1, "l"), opened(1, None)}) == 4


def test_the_audit_knows_what_an_act_names_and_is_found_by() -> None:
    rule = expected_events(keys=KEYS, carrier="acme")
    payload = OPENED.encode()
    expected = rule(AuditedPayload("case", str(SUBMITTER), "application/json", payload, None))
    assert expected is not None
    assert expected.subjects == (CASE, SHIPMENT)
    assert expected.columns.event_type == "opened"
    assert expected.columns.dedup_key == act_key(OPENED, KEYS)
    assert expected.columns.content_mac == act_mac(payload, submitter=SUBMITTER, keys=KEYS)
    assert expected.unknown == {"disposition"}


def test_a_body_says_back_what_it_was_told() -> None:
    body = FactsChanged(Facts(days={}, agreed_clearance_hours=48), reason="policy")
    assert body.to_json() == {"facts": {"agreed_clearance_hours": 48}, "reason": "policy"}
