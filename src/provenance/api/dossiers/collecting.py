"""Which entries a dossier has, and what of them its reader may see.

Rules: the trails of the case, of its shipments and of their parcels are whole; of containers only
what happened while a parcel was in them; besides, what was linked to the case. Nothing is left out
for being secret: what the caller may not see stands in its place as withheld. So do acts of cases
that the dossier is not about: it is handed on, and what one claimant said is not for whoever reads
another's claim. Everything must be anchored for good, else the dossier would not be of all that is
recorded.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from provenance.api.authentication import Principal
from provenance.api.cases.erased import ErasedCases
from provenance.api.cases.finding import readable_acts
from provenance.api.cases.holdings import Gathered, Gatherer
from provenance.api.dossiers.bounds import MAX_ENTRIES, check_documents, check_length
from provenance.api.dossiers.order import Order
from provenance.api.dossiers.store import DossierStore, PlacedEntry, StoredRecord
from provenance.api.errors import MissingError
from provenance.api.receipts.shown import ShownReceipts, may_read_kind
from provenance.api.receipts.store import OwnershipStore, StoredPayload
from provenance.api.roles import OWN_PARCEL_ONLY
from provenance.api.services import Services
from provenance.api.shipments.answers import Timeline
from provenance.core.receipt import Receipt
from provenance.evidence.assessment import Assessment, assess
from provenance.evidence.cases.fold import fold
from provenance.evidence.cases.records import KIND as CASE
from provenance.evidence.cases.store import CaseStore
from provenance.evidence.dossier.log import made_receipt
from provenance.evidence.dossier.redaction import withhold_from
from provenance.evidence.errors import DossierTooLargeError
from provenance.evidence.timelines.contexts import Contexts
from provenance.intake.documents.statements import KIND as DOCUMENT
from provenance.prove.errors import NotAnchoredError
from provenance.prove.materials import Material
from provenance.verify.dossier.manifest import MAX_SUBJECTS

EVENT: Final = "event"
_WHOLE_TRAILS: Final = ("asked", "parcel")
NOT_FINAL: Final = "entry {index} is recorded, but no final anchor covers it yet: wait for it"
NOTHING: Final = "nothing is recorded about it, or it is not for this key"


class Sight(Enum):
    """How much of a record the caller may see."""

    WHOLE = "whole"
    PART = "part"
    """Its statement, and of an event the fields of the caller's own parcel."""
    STATEMENT = "statement"
    """What it is and what it refers to, and nothing that its payload could be guessed by."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class _Acts:
    """First indexes of acts: ``own`` are those of the dossier's case, ``chosen`` are asked for.

    ``are_all_chosen`` where what was said in every case of a shipment is asked for.
    """

    own: frozenset[int]
    chosen: frozenset[int]
    are_all_chosen: bool = False

    def are_asked_for(self, first_index: int) -> bool:
        """Whether another case's act is shown to whoever may read it."""
        return self.are_all_chosen or first_index in self.chosen


@dataclass(frozen=True, slots=True)
class Collected:
    """What a dossier is made of but for the proofs; ``size`` is the closing one.

    ``records`` and ``sights`` are by the index of the record's first entry, ``owners`` lead from an
    entry to that. ``gathered`` and ``assessment`` are there for a case.
    """

    size: int
    subjects: tuple[str, ...]
    owners: dict[int, int]
    records: dict[int, StoredRecord]
    sights: dict[int, Sight]
    timelines: tuple[Timeline, ...]
    gathered: Gathered | None = None
    assessment: Assessment | None = None

    def entries_of(self, first_index: int) -> list[int]:
        """Return the entries of a record that the dossier has."""
        return [index for index, first in self.owners.items() if first == first_index]


class Collector:
    """Collects with the rights of whoever asks."""

    def __init__(self, services: Services, contexts: Contexts) -> None:
        log_id = services.log.log_id
        self._services = services
        self._cases = CaseStore(services.engine, services.vault, log_id=log_id)
        self._store = DossierStore(services.engine, services.vault, log_id=log_id)
        self._gatherer = Gatherer(services, contexts)
        ownership = OwnershipStore(services.engine, services.vault, log_id=log_id)
        self._erased = ErasedCases(ownership)
        self._shown = ShownReceipts(services.prover, ownership, contexts)

    async def collect(self, order: Order, principal: Principal) -> Collected:
        """Return what the dossier has.

        Raises:
            MissingError: there is no such thing, or it is not for the caller.
            ErasedError: the case was erased.
            NotAnchoredError: something of it is not anchored for good yet.
            DossierTooLargeError: it is more than one dossier holds.

        """
        size = await self._services.prover.final_size()
        if order.case is not None:
            gathered = await self._case(order.case, principal)
            case = gathered.case
            assessment = assess(
                self._services.rules, case, gathered.holdings, now=self._services.clock()
            )
            return await self._collected(
                order,
                principal,
                size=size,
                subjects=[case.case, *case.shipments],
                timelines=gathered.timelines,
                linked=case.evidence,
                acts=_Acts(
                    own=frozenset(act.logged.first_index for act in case.history),
                    chosen=order.named | case.evidence.keys(),
                ),
                gathered=gathered,
                assessment=assessment,
            )
        assert order.shipment is not None, "an order is of a case or of a shipment"
        timeline = await self._gatherer.timeline(order.shipment, principal)
        if timeline is None:
            raise MissingError(NOTHING)
        return await self._collected(
            order,
            principal,
            size=size,
            subjects=[order.shipment],
            timelines=(timeline,),
            acts=_Acts(frozenset(), chosen=order.named, are_all_chosen=order.cases),
        )

    async def receipt(
        self, material: Material, collected: Collected, principal: Principal
    ) -> Receipt:
        """Receipt of an entry as the caller may see it."""
        sight = collected.sights[material.record_first]
        if sight is Sight.PART:
            return made_receipt(await self._shown.encoded(material, principal))
        receipt = made_receipt(await self._services.prover.encoded(material))
        if sight is Sight.STATEMENT:
            return replace(receipt, payload=None, fields=(), ext=None)
        if sight is Sight.WHOLE:
            return receipt
        return withhold_from(receipt, collected.subjects, subject=material.subject)

    async def _case(self, name: str, principal: Principal) -> Gathered:
        acts = await readable_acts(self._cases, name, principal)
        case = fold(acts)
        if case is None:
            raise await self._erased.error(acts)
        return await self._gatherer.gather(case, principal)

    async def _collected(
        self,
        order: Order,
        principal: Principal,
        *,
        size: int,
        subjects: Iterable[str],
        timelines: tuple[Timeline, ...],
        acts: _Acts,
        linked: Collection[int] = (),
        gathered: Gathered | None = None,
        assessment: Assessment | None = None,
    ) -> Collected:
        if order.only is None and not all(timeline.is_complete for timeline in timelines):
            raise DossierTooLargeError(
                "more is recorded about the shipment and its parcels than is followed: choose "
                "records (`only`, or --record), or write one for each parcel"
            )
        followed = (
            trail.subject
            for timeline in timelines
            for trail in timeline.trails
            if trail.reason in _WHOLE_TRAILS
        )
        whole = tuple(dict.fromkeys([*subjects, *followed]))
        if len(whole) > MAX_SUBJECTS:
            raise DossierTooLargeError(
                f"the shipment has {len(whole)} parcels; a dossier holds {MAX_SUBJECTS} trails: "
                "write one for each parcel"
            )
        placed = await self._store.entries(whole, limit=MAX_ENTRIES + 1)
        owners = {entry.index: entry.record_first for entry in placed}
        for timeline in timelines:
            for event in timeline.events:
                owners |= {place.index: event.first_index for place in event.places}
        owners |= {first: first for first in linked}
        records = await self._store.records(sorted(set(owners.values())))
        sights = {
            first: await self._sight(record, principal, acts) for first, record in records.items()
        }
        # What is shown whole is proven by the receipt of its record's first entry.
        owners |= {first: first for first, sight in sights.items() if sight is Sight.WHOLE}
        _check(owners, placed, size)
        check_documents(len(_listed(order, records, sights)))
        return Collected(
            size=size,
            subjects=_with_entries(whole, timelines, gathered),
            owners=owners,
            records=records,
            sights=sights,
            timelines=timelines,
            gathered=gathered,
            assessment=assessment,
        )

    async def _sight(self, record: StoredRecord, principal: Principal, acts: _Acts) -> Sight:
        first = record.first_index
        if record.kind == CASE:
            is_shown = first in acts.own or (
                acts.are_asked_for(first)
                and await self._shown.may_read_act(principal, first, submitter=record.submitter)
            )
            return Sight.WHOLE if is_shown else Sight.NONE
        if not may_read_kind(principal, record.kind, ("", record.submitter)):
            return Sight.STATEMENT
        if principal.role not in OWN_PARCEL_ONLY:
            return Sight.WHOLE
        if record.kind == DOCUMENT:
            is_own = record.count == 1 or record.submitter == principal.organisation
            return Sight.WHOLE if is_own else Sight.PART
        if record.kind != EVENT:
            return Sight.WHOLE
        if record.payload is None or record.context_sha256 is None:
            # What it names cannot be looked at here.
            return Sight.PART
        payload = StoredPayload(
            record.payload, record.media_type, record.context_sha256, record.kind
        )
        event = await self._shown.event(payload)
        return Sight.PART if event is not None and event.lists_several_parcels else Sight.WHOLE


def _check(owners: dict[int, int], placed: list[PlacedEntry], size: int) -> None:
    check_length([max(len(owners), len(placed))], is_chosen=True)
    newest = max(owners, default=0)
    if newest >= size:
        raise NotAnchoredError(NOT_FINAL.format(index=newest))


def _listed(
    order: Order, records: Mapping[int, StoredRecord], sights: Mapping[int, Sight]
) -> list[int]:
    """Documents whose statement is shown, so that each has a line in the manifest."""
    return [
        first
        for first, record in records.items()
        if record.kind == DOCUMENT
        and not record.is_erased
        and sights[first] is not Sight.NONE
        and (order.only is None or first in order.named)
    ]


def _with_entries(
    subjects: tuple[str, ...], timelines: tuple[Timeline, ...], gathered: Gathered | None
) -> tuple[str, ...]:
    """Those of ``subjects`` that something is recorded about: a trail has at least one entry."""
    seen = {place.subject for one in timelines for event in one.events for place in event.places}
    if gathered is not None:
        # Each act is in the trails of the case and of all its shipments.
        seen |= {gathered.case.case, *gathered.case.shipments}
    return tuple(subject for subject in subjects if subject in seen)
