"""Writes one dossier: proofs, contents, report, file; in a process that does nothing else.

Documents stream from the vault twice, to be measured and to be written, and are never held; a
document that cannot be read is told before the first byte goes out. A report that cannot be made
is left out: what proves does not wait for what is for reading.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Protocol

import structlog

from provenance.api.answers import encode
from provenance.api.authentication import Principal
from provenance.api.cases.showing import view_of
from provenance.api.dossiers.choosing import choice_of
from provenance.api.dossiers.collecting import Collected, Collector, Sight
from provenance.api.dossiers.meanwhile import check_still_there
from provenance.api.dossiers.order import Begins, Line, Order, Told
from provenance.api.dossiers.refusals import ErasedMeanwhileError
from provenance.api.dossiers.reporting import Circumstances, report_of
from provenance.api.dossiers.store import DossierStore
from provenance.api.receipts.store import OwnershipStore
from provenance.api.roles import Role
from provenance.api.services import Services
from provenance.blobs import BlobNotFoundError
from provenance.chain.client import ChainClient
from provenance.chain.registry import registry_at
from provenance.chain.types import Address
from provenance.core.notes import Signer
from provenance.core.receipt import Receipt
from provenance.evidence.dossier.build import Plan, plan_dossier, write_dossier
from provenance.evidence.dossier.container import Output
from provenance.evidence.dossier.content import (
    CaseName,
    DossierContent,
    DossierDocument,
    DossierEvent,
)
from provenance.evidence.dossier.log import LogEvidence, gather_from_log
from provenance.evidence.dossier.redaction import UNSTATED, leave_unlisted, redact
from provenance.evidence.dossier.report import ReportContent, find_font, make_report
from provenance.evidence.timelines.contexts import Contexts
from provenance.intake.documents.statements import KIND as DOCUMENT
from provenance.prove.materials import Material
from provenance.sealing import AlteredError, DamagedDocumentError, KeyGoneError
from provenance.verify.dossier.page import PAGE

_log = structlog.get_logger(__name__)
_TELL_EVERY: Final = 0.1
"""Seconds between two lines about the same work."""


class Channel(Output, Protocol):
    """Where lines go, and behind them the dossier."""

    def tell(self, line: Line) -> None:
        """Send one line now."""
        ...


@dataclass(frozen=True, slots=True)
class WriterParts:
    """What a dossier is written with; ``signer`` holds a key of the newest log."""

    services: Services
    contexts: Contexts
    chain: ChainClient
    signer: Signer


class DossierWriter:
    """Writes the dossiers of one log."""

    def __init__(self, parts: WriterParts) -> None:
        services = parts.services
        self._parts = parts
        self._services = services
        self._collector = Collector(services, parts.contexts)
        log_id = services.log.log_id
        self._payloads = OwnershipStore(services.engine, services.vault, log_id=log_id)
        self._store = DossierStore(services.engine, services.vault, log_id=log_id)

    async def write(self, order: Order, channel: Channel) -> None:
        """Write what is ordered.

        Raises:
            ErasedMeanwhileError: something of it was erased while it was being read; a document
                may be gone when it is read again, and then a part was written.
            ProvenanceError: why there is no dossier; nothing but lines was written then.
            ChecksumError: a document was another one when it was read again.

        """
        try:
            await self._write_out(order, channel)
        except KeyGoneError as error:
            # What was gone at the beginning stands in the dossier as erased.
            raise ErasedMeanwhileError from error

    async def _write_out(self, order: Order, channel: Channel) -> None:
        telling = _Telling(channel, self._services.seconds)
        principal = Principal("", order.organisation, Role(order.role))
        telling.tell("reading what is recorded", 0, 1)
        collected = await self._collector.collect(order, principal)
        evidence = await self._evidence(collected, principal, telling)
        content = await self._content(collected, evidence)
        await check_still_there(self._store, collected, evidence)
        now = self._services.clock()
        if order.only is not None:
            choice = await choice_of(order.only, collected, evidence, prover=self._services.prover)
            content = redact(content, choice)
        content = leave_unlisted(content)
        if order.only is None or order.only.case:
            telling.tell("writing the report", 0, 1)
            trust = await self._services.trust()
            circumstances = Circumstances(now, trust.operator, content.verifier or b"")
            told = report_of(content, collected, circumstances)
            report = await asyncio.to_thread(_report, told)
            if report is None:
                telling.tell("leaving out the report, which could not be made", 1, 1)
            content = replace(content, report=report, is_report_missing=report is None)
        plan = await asyncio.to_thread(self._plan, content, now, telling)
        # Whoever erased something before the first byte finds nothing of it in the file.
        await check_still_there(self._store, collected, evidence)
        channel.tell(Begins(plan.size))
        await asyncio.to_thread(write_dossier, plan, channel)

    def _plan(self, content: DossierContent, now: int, telling: "_Telling") -> Plan:
        return plan_dossier(
            content,
            signer=self._parts.signer,
            created_at=now,
            progress=lambda _, done, total: telling.tell("reading documents", done, total),
        )

    async def _evidence(
        self, collected: Collected, principal: Principal, telling: "_Telling"
    ) -> LogEvidence:
        services = self._services
        log = (await services.trust()).log(services.log.origin)
        assert log is not None, "the log was opened on a chain before it was served"

        async def receipt_of(material: Material) -> Receipt:
            return await self._collector.receipt(material, collected, principal)

        return await gather_from_log(
            collected.owners,
            prover=services.prover,
            registry=registry_at(self._parts.chain, Address(log.contract), start_block=log.start),
            origins=tuple(one.origin for one in services.lineage),
            size=collected.size,
            receipt_of=receipt_of,
            told=lambda done, total: telling.tell("gathering proofs", done, total),
        )

    async def _content(self, collected: Collected, evidence: LogEvidence) -> DossierContent:
        receipts = {receipt.index: receipt for receipt in evidence.receipts}
        documents: list[DossierDocument] = []
        events: list[DossierEvent] = []
        for first, record in sorted(collected.records.items()):
            if record.kind == DOCUMENT and first in receipts:
                material = evidence.materials[first]
                documents.append(await self._document(receipts[first], material))
            elif collected.sights[first] is Sight.WHOLE and receipts[first].payload is not None:
                # What its receipt does not open is not shown, whatever was read before.
                payload = record.payload or await self._unsealed(receipts[first], evidence)
                events += [] if payload is None else [DossierEvent(first, payload)]
        gathered, assessment = collected.gathered, collected.assessment
        name = case_file = None
        if gathered is not None and assessment is not None:
            case = gathered.case
            name = CaseName(id=case.case, type=case.opened.claim, state=case.state)
            case_file = json.loads(encode(view_of(case, assessment)))
        return DossierContent(
            origins=evidence.origins,
            subjects=collected.subjects,
            receipts=evidence.receipts,
            closing=evidence.chain.closing,
            anchors=evidence.chain.anchors,
            timestamps=evidence.chain.timestamps,
            documents=tuple(documents),
            events=tuple(events),
            case=name,
            case_file=case_file,
            verifier=PAGE.read_bytes(),
        )

    async def _document(self, receipt: Receipt, material: Material) -> DossierDocument:
        """Document of a record, which is what its statement says and not what a table does."""
        statement = receipt.statement
        if statement is None:
            state = receipt.state or "withheld"
            return DossierDocument(receipt.index, UNSTATED, None, state=state)
        code, media_type = statement.type, statement.media_type
        if receipt.payload is None:
            is_there = await self._is_there(material)
            state = "withheld" if is_there else "erased"
            return DossierDocument(receipt.index, media_type, None, code=code, state=state)
        if material.sealed is None:
            read, title = self._stored(material.record_first), None
        else:
            read, title = await self._sealed(material, statement.payload_size)
            read = self._named(read, material)
        return DossierDocument(receipt.index, media_type, read, code=code, title=title)

    async def _unsealed(self, receipt: Receipt, evidence: LogEvidence) -> bytes | None:
        """Payload of a record other than a document that lies sealed; None if it is gone."""
        sealed = evidence.materials[receipt.index].sealed
        if (
            sealed is None
            or sealed.path is None
            or receipt.statement is None
            or receipt.payload is None
        ):
            return None
        stream = self._services.vault.read(sealed, size=receipt.statement.payload_size)
        return b"".join([part async for part in stream])

    async def _is_there(self, material: Material) -> bool:
        if material.sealed is None:
            return material.payload_sha256 is not None
        try:
            await self._services.vault.opening(material.sealed)
        except KeyGoneError:
            return False
        return True

    async def _sealed(
        self, material: Material, size: int
    ) -> tuple[Callable[[], Iterator[bytes]], str | None]:
        vault, ref = self._services.vault, material.sealed
        assert ref is not None
        opening = await vault.opening(ref)
        return _pulled(lambda: vault.read(ref, size=size)), opening.filename

    def _stored(self, first_index: int) -> Callable[[], Iterator[bytes]]:
        async def read() -> AsyncIterator[bytes]:
            payload = await self._payloads.payload(first_index)
            if payload is None:
                raise ErasedMeanwhileError
            yield payload.data

        return _pulled(read)

    def _named(
        self, read: Callable[[], Iterator[bytes]], material: Material
    ) -> Callable[[], Iterator[bytes]]:
        """``read`` in another thread, with a name for what turns out to be damaged, if it is."""
        loop = asyncio.get_running_loop()

        def named() -> Iterator[bytes]:
            try:
                yield from read()
            except (AlteredError, BlobNotFoundError) as error:
                # An object goes right after its key.
                is_there = asyncio.run_coroutine_threadsafe(self._is_there(material), loop)
                if not is_there.result():
                    raise ErasedMeanwhileError from error
                raise DamagedDocumentError(material.record_first) from error

        return named


def _report(told: ReportContent) -> bytes | None:
    """Report in the font that is there, else in Latin letters; None where neither can be made."""
    for font in dict.fromkeys((find_font(), None)):
        try:
            return make_report(told, font=font)
        except Exception as error:  # noqa: BLE001 - a dossier without its report is better than none
            name = None if font is None else font.name
            _log.warning("report_not_made", error=type(error).__name__, font=name)
    return None


def _pulled(source: Callable[[], AsyncIterator[bytes]]) -> Callable[[], Iterator[bytes]]:
    """Reader for another thread of what streams in this thread's loop."""
    loop = asyncio.get_running_loop()

    def read() -> Iterator[bytes]:
        stream = source()
        while data := asyncio.run_coroutine_threadsafe(_next(stream), loop).result():
            yield data

    return read


async def _next(stream: AsyncIterator[bytes]) -> bytes:
    """Next bytes that are some; none at the end."""
    async for data in stream:
        if data:
            return data
    return b""


class _Telling:
    """Tells how far it has come, and not more often than anybody reads it."""

    def __init__(self, channel: Channel, seconds: Callable[[], float]) -> None:
        self._channel = channel
        self._seconds = seconds
        self._last: tuple[str, float] = ("", 0.0)

    def tell(self, doing: str, done: int, total: int) -> None:
        """Tell it, unless the same work was told of a moment ago."""
        now = self._seconds()
        what, at = self._last
        if doing != what or now - at >= _TELL_EVERY:
            self._last = (doing, now)
            self._channel.tell(Told(doing, done, total))
