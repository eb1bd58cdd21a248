"""Handlers of claims cases.

A key of role claims sees and changes the cases that its organisation opened, the operator's all.
Two acts that expect the same number cannot both be logged, whichever processes take them.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from provenance.api.answers import json_answer
from provenance.api.authentication import Principal
from provenance.api.bodies import read_body
from provenance.api.cases.answers import ActAnswer, Cases
from provenance.api.cases.erased import ErasedCases
from provenance.api.cases.finding import case_of, opener_of, readable_acts
from provenance.api.cases.holdings import Gatherer
from provenance.api.cases.showing import summary_of, unreadable, view_of
from provenance.api.epcis.headers import read_idempotency
from provenance.api.errors import ParameterError
from provenance.api.paging import TOKEN, page_token, read_token
from provenance.api.parameters import Parameters
from provenance.api.receipts.store import OwnershipStore
from provenance.api.roles import NAMES_SUBJECT
from provenance.api.services import Services
from provenance.api.subjects import carrier_of, subject_of
from provenance.core.digests import LeafHash
from provenance.core.errors import BadValueError, FormatError
from provenance.core.members import Members
from provenance.evidence.assessment import assess
from provenance.evidence.cases.acts import (
    MAX_ACT_BYTES,
    MAX_SHIPMENTS,
    Act,
    read_act,
    read_request,
)
from provenance.evidence.cases.bodies import MAX_NAME, Body, EvidenceLinked, Opened, check_amounts
from provenance.evidence.cases.fold import Case, LoggedAct, applied, check_act, ends_something, fold
from provenance.evidence.cases.records import act_submission, case_id
from provenance.evidence.cases.states import STATES, State
from provenance.evidence.cases.store import MAX_ACTS, MAX_ENDING_ACTS, CaseStore
from provenance.evidence.described import read_text
from provenance.evidence.errors import (
    ClosedCaseError,
    NothingRecordedError,
    StaleCaseError,
    UnknownEvidenceError,
    UnreadableActError,
)
from provenance.evidence.facts import Logged
from provenance.evidence.timelines.contexts import Contexts
from provenance.intake.errors import ReservedSubjectError
from provenance.intake.subjects import RESERVED, is_reserved
from provenance.log.errors import ConflictError
from provenance.log.sealing import sealed

MAX_PAGE: Final = 50
"""Cases of one answer: all their acts are read."""
MAX_READS: Final = 2
"""Cases that are assessed at once: the largest takes a second or two and tens of megabytes."""
_JSON: Final = ("application/json",)
_IDEMPOTENCY_MAC: Final = bytes(32)


class CaseDesk:
    """The operations on cases."""

    def __init__(self, services: Services, contexts: Contexts) -> None:
        self._services = services
        self._store = CaseStore(services.engine, services.vault, log_id=services.log.log_id)
        self._gatherer = Gatherer(services, contexts)
        self._erased = ErasedCases(
            OwnershipStore(services.engine, services.vault, log_id=services.log.log_id)
        )
        self._turns = asyncio.Semaphore(MAX_READS)

    async def open(self, request: Request, principal: Principal) -> Response:
        """POST /v1/cases."""
        Parameters.of(request, known=())
        body = await read_body(request, limit=MAX_ACT_BYTES, accepted=_JSON)
        members = read_request(body)
        members.only(("shipments", "carrier", "author", "expect_recorded", *Opened.MEMBERS))
        author = read_text(members, "author", maximum=MAX_NAME) if "author" in members else None
        idempotency = read_idempotency(request, content_mac=_IDEMPOTENCY_MAC)
        services = self._services
        shipments = self._shipments(members)
        unrecorded = await self._unrecorded(shipments, members)
        act = Act(
            case=case_id(
                organisation=principal.organisation,
                key=None if idempotency is None else idempotency.key,
                keys=services.event_keys,
                random=services.random_bytes(16),
            ),
            seq=0,
            shipments=shipments,
            body=Opened.read(members),
            author=author,
        )
        check_amounts(act.body)
        answer = await self._log(act, "opened", principal)
        return json_answer(
            msgspec.structs.replace(answer, unrecorded=unrecorded),
            status=201,
            headers={"location": f"/v1/cases/{act.case}"},
        )

    async def act(self, request: Request, principal: Principal) -> Response:
        """POST /v1/cases/{case}/acts."""
        Parameters.of(request, known=())
        name = case_of(request)
        body = await read_body(request, limit=MAX_ACT_BYTES, accepted=_JSON)
        members = read_request(body)
        expected = members.integer("expected_seq")
        says, author = read_act(members, beside=("expected_seq",))
        acts = await self._acts(name, principal)
        if fold(acts) is None:
            raise await self._erased.error(acts)
        before = fold(acts[:expected])
        if before is None or expected > len(acts):
            raise StaleCaseError(expected=expected, found=len(acts))
        _check_room(before, expected, says)
        leaves: Sequence[LeafHash] = ()
        if isinstance(says, EvidenceLinked):
            says = await self._linked(says, before, principal)
            leaves = [one.leaf for one in says.evidence if one.leaf is not None]
        act = Act(name, expected, before.shipments, says, author)
        if expected == len(acts):
            check_act(before, says)
        elif acts[expected].act != act:
            raise StaleCaseError(expected=expected, found=len(acts))
        after = applied(before, act, Logged(first_index=0, recorded_at=0))
        return json_answer(await self._log(act, after.state, principal, leaves), status=201)

    async def case(self, request: Request, principal: Principal) -> Response:
        """GET /v1/cases/{case}."""
        Parameters.of(request, known=())
        acts = await self._acts(case_of(request), principal)
        found = fold(acts)
        if found is None:
            raise await self._erased.error(acts)
        async with self._turns:
            gathered = await self._gatherer.gather(found, principal)
            now = self._services.clock()
            assessment = await asyncio.to_thread(
                assess, self._services.rules, gathered.case, gathered.holdings, now=now
            )
        return json_answer(view_of(gathered.case, assessment))

    async def cases(self, request: Request, principal: Principal) -> Response:
        """GET /v1/cases."""
        query = Parameters.of(request, known=("shipment", "carrier", "state", "perPage", TOKEN))
        limit = query.integer("perPage", minimum=1, maximum=MAX_PAGE) or MAX_PAGE
        carrier = carrier_of(query.text("carrier"), default=self._services.carrier)
        named = query.text("shipment")
        shipment = None if named is None else subject_of(named, carrier=carrier, name="shipment")
        state: State | None = query.choice("state", STATES)  # type: ignore[assignment] # one of STATES
        token = query.text(TOKEN)
        asked = f"{shipment} {state}"
        before = None if token is None else read_token(token, query=asked, length=1)[0]
        rows = await self._store.page(
            opener=opener_of(principal),
            shipment=shipment,
            state=state,
            before=before,
            limit=limit + 1,
        )
        page = rows[:limit]
        acts = await self._store.acts([row.case for row in page]) if page else {}
        answer = Cases(
            cases=[],
            erased=[],
            unreadable=[],
            nextPageToken=(
                page_token((page[-1].last,), query=asked) if len(rows) > limit else None
            ),
        )
        for row in page:
            await self._list(row.case, acts.get(row.case, []), answer)
        return json_answer(answer)

    async def _list(self, name: str, acts: Sequence[LoggedAct], answer: Cases) -> None:
        """Put a case where it belongs in ``answer``; what is wrong with one concerns no other."""
        try:
            case = fold(acts)
        except UnreadableActError as error:
            answer.unreadable.append(unreadable(name, acts, error))
            return
        if case is not None:
            answer.cases.append(summary_of(case))
        elif acts:
            answer.erased.append(await self._erased.item(name, acts))

    async def _acts(self, name: str, principal: Principal) -> list[LoggedAct]:
        return await readable_acts(self._store, name, principal)

    async def _log(
        self, act: Act, state: State, principal: Principal, leaves: Sequence[LeafHash] = ()
    ) -> ActAnswer:
        services = self._services
        submission = act_submission(
            act,
            state=state,
            submitter=principal.organisation,
            keys=services.event_keys,
            random_bytes=services.random_bytes,
            relies_on=leaves,
        )
        records = await sealed(submission.records, vault=services.vault)
        try:
            logged = await services.writer.submit(replace(submission, records=records))
        except ConflictError:
            if act.seq == 0:
                raise
            # Somebody else was first.
            raise StaleCaseError(expected=act.seq, found=act.seq + 1) from None
        record = logged.records[0]
        assert record is not None, "a record that contradicts another fails its submission"
        return ActAnswer(
            case=act.case,
            act=act.body.ACT,
            state=state,
            seq=act.seq + 1,
            first_index=record.first_index,
            count=record.count,
            at=record.at,
            repeated=logged.repeated or record.repeated,
            acknowledgement=logged.acknowledgement,
        )

    async def _unrecorded(self, shipments: Sequence[str], members: Members) -> list[str]:
        """Shipments that nobody recorded anything about; raises where that is not expected."""
        found = await self._store.unrecorded(shipments)
        if found and "expect_recorded" in members and members.flag("expect_recorded"):
            raise NothingRecordedError(
                f"nothing is recorded about {', '.join(found)}: name the waybill or parcel as it was "
                "recorded, or open the case with expect_recorded false"
            )
        return found

    def _shipments(self, members: Members) -> tuple[str, ...]:
        """Canonical subjects of the shipments that a request names, each once."""
        carrier = self._services.carrier
        if "carrier" in members:
            carrier = carrier_of(members.text("carrier", maximum=64), default=carrier)
        where = members.at("shipments")
        found: dict[str, None] = {}
        for at, item in enumerate(members.array("shipments", maximum=MAX_SHIPMENTS)):
            if not isinstance(item, str):
                raise BadValueError("is a waybill number or an identifier", where=f"{where}/{at}")
            found[_subject(item, carrier, f"{where}/{at}")] = None
        if not found:
            raise BadValueError("is empty; name the shipment", where=where)
        return tuple(found)

    async def _linked(
        self, body: EvidenceLinked, case: Case, principal: Principal
    ) -> EvidenceLinked:
        """Return the links with their leaf hashes, if the caller may see the records.

        Raises:
            UnknownEvidenceError: the log has no such record, or it is not for this key.
            FormatError: a line that the checklist does not have, or another leaf hash.

        """
        there = await self._store.linkable([one.first_index for one in body.evidence])
        lines = {line.id for line in self._services.rules.claims[case.opened.claim].lines}
        evidence = []
        for at, one in enumerate(body.evidence):
            where = f"/evidence/{at}"
            found = there.get(one.first_index)
            named = set(case.shipments)
            if one.subject is not None:
                named.add(_subject(one.subject, self._services.carrier, f"{where}/subject"))
            is_open = principal.role not in NAMES_SUBJECT
            if found is None or not (is_open or named & found.subjects):
                raise UnknownEvidenceError(
                    f"the log has no record {one.first_index}, or it is about another shipment; "
                    "name the first index of a record, and a subject of it"
                )
            if one.line is not None and one.line not in lines:
                raise BadValueError(
                    f"the checklist has no such line; it has {', '.join(sorted(lines))}",
                    where=f"{where}/line",
                )
            if one.leaf is not None and one.leaf != found.leaf:
                raise BadValueError("is not the record's; leave it out", where=f"{where}/leaf")
            evidence.append(replace(one, leaf=found.leaf, subject=None))
        return EvidenceLinked(tuple(evidence))


def _check_room(case: Case, seq: int, body: Body) -> None:
    """Refuse act number ``seq`` of a case that is full; raises ClosedCaseError."""
    if seq < MAX_ACTS or (seq < MAX_ACTS + MAX_ENDING_ACTS and ends_something(case, body)):
        return
    raise ClosedCaseError(
        f"the case has {MAX_ACTS} acts: it can be decided, withdrawn and closed, and its legal hold "
        "be released; open another one for anything else"
    )


def _subject(text: str, carrier: str, where: str) -> str:
    try:
        subject = subject_of(text, carrier=carrier, name="shipments")
    except (ParameterError, FormatError) as error:
        message = error.message if isinstance(error, ParameterError) else str(error)
        raise BadValueError(message, where=where) from None
    if is_reserved(subject):
        raise ReservedSubjectError(RESERVED, where=where)
    return subject
