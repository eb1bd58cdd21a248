"""The claims case that a manifest names, held against the acts that the dossier opens.

Rules: an act is the payload of a record of kind ``case``, whose first entry is in the trail of the
case itself. Of its JSON only what is needed here is read: ``case``, ``act``, ``shipments``, ``claim``
of the one that opens the case, ``to`` of those that move it on, and ``seq``. Type and state follow
from the acts in the trail of the case where these are opened; the state only where all of a whole
trail are, for any may have moved it on. They are numbered in the order of the trail, the one that
opens it 0 and first in it; an act that was erased changes nothing and keeps its number. What was
erased after the last move that is left may have been a later one: then the state is as far as is
known, and not proven, unless the case was closed, for nothing moves it on from there. An act of the
case that is in other trails alone, or of another in its trail, is INVALID: who sees one trail alone
would see another case. Whatever does not follow is the operator's word.

What is of another kind in the trail of the case is no act of it: it changes nothing, and is named. A
case's name stands in every dossier of it, and older logs took records about it from whoever knew
it. That hides no act. An entry commits to its kind, so that what was logged as an act opens as an
act or not at all, and then the state is not proven; an operator who logs under another kind what
should have been one could as well log nothing, and either shows in the receipt and acknowledgement
of who did it. Two things no submitter can bring about, and they are INVALID: a trail that another
kind begins, for a case has no name before the act that opens it; and an entry of another kind with
the payload commitment of an act, for a record is of one kind and its salt used once.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from typing import Final, NamedTuple

from provenance.core.errors import BadValueError, FormatError, WrongTypeError
from provenance.core.jcs import Limits, parse_canonical
from provenance.core.members import Members
from provenance.core.receipt import Receipt
from provenance.core.statement import Statement, check_subject
from provenance.core.verdict import Outcome
from provenance.verify.dossier.reading import Dossier
from provenance.verify.dossier.records import ERASURE
from provenance.verify.dossier.report import UNPROVEN

CASE: Final = "case"
"""``kind`` of the statement of an act."""
MAX_ACT_BYTES: Final = 128 << 10
"""As the service bounds an act."""
MAX_SHIPMENTS: Final = 16
"""As the service bounds the shipments of a case."""
CLOSED: Final = "closed"
"""The state from which no act moves a case on."""
DOUBTED: Final = (
    "the state of the case is {state} as far as is known, for what was erased since may have moved "
    "it on: {entries}"
)
NO_ACTS: Final = (
    "what is of another kind in the trail of the case is no act of it, and changes nothing of its "
    "type or state: {entries}"
)
NOT_IN_IT: Final = "the case is about shipments whose trails are not in it: {names}"
STATES: Final = (
    "opened",
    "collecting",
    "submitted",
    "accepted",
    "rejected",
    "withdrawn",
    "closed",
)
"""What an act can move a case to."""
_NAMED: Final = 4
"""Shipments, or entries, that one line names."""

_LIMITS = Limits(max_bytes=MAX_ACT_BYTES)
_WORD = re.compile(r"[a-z_]{1,64}")


class CaseFinding(NamedTuple):
    """Verdict on a case; ``doubt`` is what must be said of a dossier that is VALID for all that."""

    outcome: Outcome
    reason: str
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """What is read of an act; ``index`` is its first entry, ``place`` that entry's in its trail.

    ``claim`` is there in the act that opens a case, ``to`` in one that moves it on.
    """

    index: int
    place: int
    statement: Statement
    case: str
    seq: int
    shipments: tuple[str, ...]
    claim: str | None
    to: str | None


class CaseOf:
    """The case of one dossier; ``whole`` leads from its subjects to their trails that are whole."""

    def __init__(self, dossier: Dossier, whole: Mapping[str, bytes]) -> None:
        self._dossier = dossier
        self._whole = whole
        self._opened = [
            (receipt, receipt.statement)
            for receipt in dossier.receipts
            if receipt.statement is not None
        ]
        self._acts = list(self._read())

    @cached_property
    def finding(self) -> CaseFinding | None:
        """Verdict on what the manifest says of its case; None if it names none."""
        case = self._dossier.manifest.case
        return None if case is None else self._judge(case)

    def _judge(self, case: Mapping[str, str]) -> CaseFinding:
        name = case["id"]
        has_acts = any(statement.kind == CASE for _, statement in self._opened)
        if has_acts and name not in self._dossier.manifest.subjects:
            return CaseFinding(
                Outcome.INVALID, f"{name} is not a subject of it, and acts of a case are in it"
            )
        acts = [act for act in self._acts if act.statement.subject == name]
        misplaced = chain(self._misplaced(name), self._misnumbered(name, acts), _moved_on(acts))
        wrong = next(misplaced, None)
        if wrong is not None:
            return CaseFinding(Outcome.INVALID, wrong)
        opening = next((act for act in acts if act.claim is not None), None)
        if opening is None:
            return CaseFinding(Outcome.UNKNOWN, f"{UNPROVEN}: the act that opens it is not shown")
        if opening.claim != case["type"]:
            return CaseFinding(
                Outcome.INVALID, f"it is of type {opening.claim}, says entry {opening.index}"
            )
        if not self._shows_all(name):
            return CaseFinding(Outcome.UNKNOWN, f"{UNPROVEN}: not all of its acts are shown")
        stray = self._stray(name, acts)
        if stray is not None:
            return CaseFinding(
                Outcome.INVALID, f"entry {stray.index} is an act of it and not in its trail"
            )
        last = next((act for act in reversed(acts) if act.to is not None), opening)
        state = last.to or STATES[0]
        if state != case["state"]:
            return CaseFinding(Outcome.INVALID, f"its state is {state}, as its acts say")
        since = [] if state == CLOSED else self._erased_since(last)
        if since:
            doubt = DOUBTED.format(state=state, entries=_listed(since))
            return CaseFinding(Outcome.UNKNOWN, f"{UNPROVEN}: {doubt}", doubt)
        return CaseFinding(Outcome.VALID, f"type and state follow from its acts: {len(acts)}")

    def doubts(self) -> Iterator[str]:
        """What must be said of a state that an erased act may have changed."""
        if self.finding is not None and self.finding.doubt:
            yield self.finding.doubt

    def missing(self) -> Iterator[str]:
        """What must be said of shipments that the case is about, and that are left out."""
        manifest = self._dossier.manifest
        subjects = frozenset(manifest.subjects)
        names = subjects | ({manifest.case["id"]} if manifest.case else set())
        about = [one for act in self._acts if act.case in names for one in act.shipments]
        missing = [one for one in dict.fromkeys(about) if one not in subjects]
        if missing:
            yield NOT_IN_IT.format(names=_listed(missing))

    def strangers(self) -> Iterator[str]:
        """What must be said of entries in the trail of the case that are no acts of it."""
        case = self._dossier.manifest.case
        found = [receipt.index for receipt, _ in self._others(case["id"])] if case else []
        if found:
            yield NO_ACTS.format(entries=_listed([f"entry {index}" for index in found]))

    def _erased_since(self, act: Act) -> list[str]:
        """Entries after ``act`` in its whole trail that were erased.

        Any may have been an act, whatever numbers the acts around it have: whoever writes another
        with the number of one that was erased would hide it.
        """
        trail = self._whole[act.statement.subject]
        return [
            f"entry {receipt.index}"
            for receipt in self._dossier.receipts
            if receipt.state == "erased"
            and receipt.entry.trail == trail
            and receipt.entry.seq > act.place
        ]

    def _others(self, name: str) -> Iterator[tuple[Receipt, Statement]]:
        """Opened entries in the trail of a case that are of no kind of its own."""
        for receipt, statement in self._opened:
            if statement.subject == name and not _is_own(statement):
                yield receipt, statement

    def _misplaced(self, name: str) -> Iterator[str]:
        acts = {
            statement.payload: receipt.index
            for receipt, statement in reversed(self._opened)
            if statement.kind == CASE
        }
        for receipt, statement in self._others(name):
            if receipt.entry.seq == 0:
                yield f"entry {receipt.index} begins its trail and is no act of a case"
            elif statement.payload in acts:
                act = acts[statement.payload]
                yield f"entry {receipt.index} is no act, and entry {act} of its record is one"

    def _misnumbered(self, name: str, acts: Sequence[Act]) -> Iterator[str]:
        """Which acts in the trail of a case are not what stands in their place.

        Between two acts there are as many numbers as acts that are not read, and no more than
        entries that may be acts: those that are opened as another kind are none. Nothing stands
        before the act that opens it, so that no other can take the place of one that was erased.
        """
        read = {act.index: act for act in acts}
        seq = place = -1
        unread = others = 0
        for receipt, statement in self._opened:
            if statement.subject != name:
                continue
            act = read.get(receipt.index)
            if act is None:
                unread += statement.kind == CASE
                others += statement.kind != CASE
                continue
            room = act.place - place - 1 - others
            fits = unread <= act.seq - seq - 1 <= room and (act.seq == 0) is (act.place == 0)
            if act.case != name or not fits:
                yield f"entry {act.index} is act {act.seq} of {act.case}, and not in its place"
            yield from _strange(act)
            seq, place, unread, others = act.seq, act.place, 0, 0

    def _stray(self, name: str, acts: Sequence[Act]) -> Act | None:
        """Return an act of the case of which no entry is in its trail."""
        own = {act.statement.payload for act in acts}
        return next(
            (act for act in self._acts if act.case == name and act.statement.payload not in own),
            None,
        )

    def _shows_all(self, name: str) -> bool:
        trail = self._whole.get(name)
        read = {act.index for act in self._acts}
        return trail is not None and all(
            receipt.state == "erased"
            or receipt.index in read
            or (receipt.statement is not None and receipt.statement.kind != CASE)
            for receipt in self._dossier.receipts
            if receipt.entry.trail == trail
        )

    def _read(self) -> Iterator[Act]:
        for receipt, statement in self._opened:
            data = self._dossier.payloads.get(receipt.index)
            if statement.kind != CASE or data is None:
                continue
            try:
                yield _read_act(receipt, statement, data)
            except FormatError:
                # Another service's acts may be spelled otherwise: nothing follows from them.
                continue


def _strange(act: Act) -> Iterator[str]:
    """Why an act is none of a case; nothing if it is one."""
    if (act.claim is None) is (act.seq == 0):
        opens = "does not open it" if act.claim is None else "opens it"
        yield f"entry {act.index} is act {act.seq} of the case and {opens}"
    if act.to is not None and act.to not in STATES:
        yield f"entry {act.index} moves the case to {act.to}, which is no state of one"


def _moved_on(acts: Sequence[Act]) -> Iterator[str]:
    """Which acts move the case on after it was closed."""
    for before, act in pairwise(act for act in acts if act.to is not None):
        if before.to == CLOSED:
            yield f"entry {act.index} moves the case on, which entry {before.index} closed"


def _is_own(statement: Statement) -> bool:
    return statement.kind in {CASE, ERASURE}


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _read_act(receipt: Receipt, statement: Statement, data: bytes) -> Act:
    members = Members(parse_canonical(data, limits=_LIMITS), where="")
    members.version()
    kind = _word(members, "act")
    return Act(
        index=receipt.index,
        place=receipt.entry.seq,
        statement=statement,
        case=check_subject(members.text("case"), where="/case"),
        seq=members.integer("seq"),
        shipments=tuple(_shipments(members)),
        claim=_word(members, "claim") if kind == "opened" else None,
        to=_word(members, "to") if kind == "state_changed" else None,
    )


def _word(members: Members, name: str) -> str:
    text = members.text(name)
    if not _WORD.fullmatch(text):
        raise BadValueError("is no word", where=members.at(name))
    return text


def _shipments(members: Members) -> Iterator[str]:
    for item in members.array("shipments", maximum=MAX_SHIPMENTS):
        if not isinstance(item, str):
            raise WrongTypeError("expected a string", where=members.at("shipments"))
        yield check_subject(item, where="/shipments")
