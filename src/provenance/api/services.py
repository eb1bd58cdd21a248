"""What the application is made of; the wiring fills it in, nothing here is global."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.api.dossiers.runs import ProcessRuns
from provenance.api.epcis.readers import DocumentReaders
from provenance.api.ports import Readiness
from provenance.core.trustfile import TrustFile
from provenance.db.accounts import AccountStore
from provenance.erasure.eraser import Eraser
from provenance.erasure.retention import Retention
from provenance.evidence.rules import RuleBook
from provenance.intake.limits import DEFAULT_LIMITS, IntakeLimits
from provenance.intake.repetition import EventKeys
from provenance.log.identity import LogIdentity
from provenance.log.store import LogStore
from provenance.log.tilestore import TileStore
from provenance.log.writer import LogWriter
from provenance.prove.prover import Prover
from provenance.prove.store import LogRow
from provenance.sealing import Vault
from provenance.verify.service import FactsSource
from provenance.wiring.erasing import Erasing

Clock = Callable[[], int]
"""Milliseconds since the epoch, UTC."""


@dataclass(frozen=True, slots=True)
class ApiLimits:
    """Bounds of this package, each with the reason why it is what it is."""

    max_verify_bytes: int = 8 << 20
    """Some two hundred receipts with their payloads, base64 included."""
    max_verify_receipts: int = 256
    """A tenth of a second of checking, for which nobody needs a key."""
    max_verifications: int = 4
    """Verifications at once; the others wait for their turn."""
    body_budget: int = 48 << 20
    """Bytes of large bodies in flight: three of the largest documents, a hundred common ones."""
    max_request_bytes: int = 64 << 10
    """A small JSON request of ours."""
    max_page: int = 1_000
    """Events of one answer: a few megabytes."""
    default_page: int = 100
    """Events of one answer where the caller does not say."""
    max_page_bytes: int = 8 << 20
    """Bytes of events in one answer; a page ends early rather than exceed it."""
    key_cache_s: float = 3.0
    """How long a key that was found good is taken without asking again: revocation is honoured
    after that, in every process."""
    max_cached_keys: int = 10_000
    """Keys in use at once; 2 MB."""
    max_timeline_trails: int = 64
    """Trails that one timeline follows: parcels of a waybill and their containers."""
    max_timeline_events: int = 2_000
    """Events of one timeline."""
    max_document_bytes: int = 1 << 30
    """A scanned file of a thousand pages; the operator may set another."""
    max_documents_per_subject: int = 1_000
    """Documents and descriptions of one organisation about one parcel or waybill, well above what
    anybody has to say of it; whoever reads the shipment has to do with all of them."""
    carrier_share: int = 10
    """How many times as many are a carrier's, who sends papers for all parcels of a waybill."""
    max_uploads: int = 12
    """Documents that stream in at once; each holds up to 20 MB on its way into the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts that requests are answered with.

    ``running`` is entered while the application runs: it starts the writer, whose gate stays shut
    until the fence has passed, and on leaving finishes what was accepted. ``engine`` is for reads. ``lineage`` is the log
    and what it succeeded, newest first. ``carrier`` is the short name in subjects of waybill
    numbers that are not URIs. ``trust`` is the trust file as the operator publishes it, and
    ``facts`` whoever can ask the chain (None: nobody). ``rules`` are those of claims, with the
    carrier's own terms. ``readers`` read large EPCIS documents; ``dossiers`` starts what writes them (None: nobody asks for any).
    ``eraser`` carries out erasures, ``erasing`` sees to what is left of them, ``retention`` to
    what has ended.
    """

    log: LogIdentity
    lineage: Sequence[LogRow]
    engine: AsyncEngine
    writer: LogWriter
    running: Callable[[], AbstractAsyncContextManager[object]]
    entries: LogStore
    tiles: TileStore
    prover: Prover
    trust: Callable[[], Awaitable[TrustFile]]
    facts: FactsSource | None
    accounts: AccountStore
    readiness: Readiness
    vault: Vault
    eraser: Eraser
    erasing: Erasing
    retention: Retention
    event_keys: EventKeys
    carrier: str
    registry: CollectorRegistry
    clock: Clock
    seconds: Callable[[], float]
    random_bytes: Callable[[int], bytes]
    rules: RuleBook
    readers: DocumentReaders
    dossiers: ProcessRuns | None = None
    limits: ApiLimits = field(default_factory=ApiLimits)
    intake: IntakeLimits = DEFAULT_LIMITS
