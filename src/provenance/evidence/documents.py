"""Documents as they are stored, with what can be read out of them.

Rules: what a document is stands in its statement; a description is a record of its own that names
the document which it describes, by index and hash; a newer version names the older one by
``supersedes``. Who sent the document speaks for it, and of that only the newest counts; what
others say of it is kept beside, under their name. What cannot be read is said to be so, and the
document counts all the same.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.blobs import BlobNotFoundError
from provenance.core.digests import LeafHash, sha256
from provenance.core.errors import FormatError
from provenance.core.jcs import parse_canonical
from provenance.core.statement import Statement, StatementTemplate
from provenance.db.tables import entries, organisations, records
from provenance.evidence.crosschecks.statements import INVOICES
from provenance.evidence.described import Described
from provenance.evidence.facts import DescriptionFact, DocumentFact, Logged, Proof
from provenance.evidence.invoices.errors import NotAnInvoiceError, XmlError
from provenance.evidence.invoices.reading import read_invoice
from provenance.evidence.invoices.xml import MAX_BYTES as MAX_INVOICE_BYTES
from provenance.intake.documents.description import MEDIA_TYPE as DESCRIPTION
from provenance.log import documents as sealed_documents
from provenance.sealing import AlteredError, KeyGoneError, Vault

MAX_DESCRIPTION_BYTES: Final = 64 << 10
MAX_INVOICES: Final = 32
"""Invoices that are read of one shipment; each takes up to a second."""

_XML: Final = frozenset({"application/xml", "text/xml"})
_ANY_SUBJECT: Final = "urn:provenance:any"


class PayloadSource(Protocol):
    """Where the bytes of a document are."""

    async def payload(self, first_index: int, *, limit: int) -> bytes | None:
        """Return the payload of a record; None where it is gone, or longer than ``limit``."""
        ...


class StoredPayloads:
    """Payloads that lie in the database, or sealed in a vault."""

    def __init__(self, engine: AsyncEngine, vault: Vault, *, log_id: int) -> None:
        self._engine = engine
        self._vault = vault
        self._sealed = sealed_documents.DocumentStore(engine, log_id=log_id)
        self._log_id = log_id

    async def payload(self, first_index: int, *, limit: int) -> bytes | None:
        """Return the payload of a record; None where it is gone, or longer than ``limit``."""
        query = select(records.c.payload).where(
            records.c.log_id == self._log_id, records.c.first_index == first_index
        )
        async with self._engine.connect() as connection:
            data: bytes | None = await connection.scalar(query)
        if data is None:
            data = await self._unsealed(first_index, limit)
        return None if data is None or len(data) > limit else data

    async def _unsealed(self, first_index: int, limit: int) -> bytes | None:
        found = await self._sealed.find(first_index)
        if found is None or found.sealed is None or found.size is None or found.size > limit:
            return None
        try:
            parts = [part async for part in self._vault.read(found.sealed, size=found.size)]
        except (KeyGoneError, AlteredError, BlobNotFoundError):
            return None
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class _Row:
    """A record of kind document; ``statement`` is None once erased.

    ``recorded_for`` is the submitter by the table, ``organisation`` the name of that one.
    """

    first_index: int
    at: int
    media_type: str
    statement: Statement | None
    recorded_for: str
    organisation: str

    @property
    def kind_of_bytes(self) -> str:
        """Media type by the statement, which the receipt proves; by the table once that is erased."""
        return self.media_type if self.statement is None else self.statement.media_type

    @property
    def submitter(self) -> str:
        """Id of who recorded it, by the statement, which the receipt proves."""
        return self.recorded_for if self.statement is None else self.statement.submitter

    @property
    def named(self) -> str:
        """Name of who recorded it; none where the table tells another than the statement."""
        return self.organisation if self.submitter == self.recorded_for else ""


class DocumentStore:
    """Reads the documents of one log."""

    def __init__(self, engine: AsyncEngine, payloads: PayloadSource, *, log_id: int) -> None:
        self._engine = engine
        self._payloads = payloads
        self._log_id = log_id

    async def documents(
        self, firsts: Collection[int], *, lines: Mapping[int, str | None]
    ) -> list[DocumentFact]:
        """Return the documents among the records ``firsts``, in order; proofs are not looked for.

        Args:
            firsts: first indexes of records.
            lines: checklist lines that somebody put records to.

        """
        rows = await self._rows(firsts)
        described, problems = await self._descriptions(rows)
        superseded = await self._superseded(rows)
        documents = [
            DocumentFact(
                logged=_logged(row),
                type=(row.statement.type or "") if row.statement is not None else "",
                media_type=row.kind_of_bytes,
                superseded_by=superseded.get(row.first_index),
                line=lines.get(row.first_index),
                descriptions=_told(row, described.get(row.first_index, ())),
                problem=problems.get(row.first_index, ""),
                submitter=row.submitter,
                organisation=row.named,
            )
            for row in rows
            # A description speaks for its document; one that cannot be read is not passed over.
            if row.kind_of_bytes != DESCRIPTION or row.first_index in problems
        ]
        return await self._with_invoices(documents)

    async def _rows(self, firsts: Collection[int]) -> list[_Row]:
        query = (
            select(
                records.c.first_index,
                entries.c.at,
                records.c.media_type,
                records.c.statement_head,
                records.c.statement_tail,
                records.c.submitter,
                organisations.c.name,
            )
            .join(
                entries,
                (entries.c.log_id == records.c.log_id) & (entries.c.index == records.c.first_index),
            )
            .outerjoin(organisations, organisations.c.organisation_id == records.c.submitter)
            .where(
                records.c.log_id == self._log_id,
                records.c.first_index.in_(list(firsts)),
                records.c.kind == "document",
            )
            .order_by(records.c.first_index)
        )
        async with self._engine.connect() as connection:
            return [
                _Row(
                    first_index, at, media_type, _statement(head, tail), f"{submitter}", name or ""
                )
                for first_index, at, media_type, head, tail, submitter, name in (
                    await connection.execute(query)
                )
            ]

    async def _descriptions(
        self, rows: Sequence[_Row]
    ) -> tuple[dict[int, list[tuple[_Row, Described]]], dict[int, str]]:
        """Return the descriptions of each document, and what is wrong with those of no use."""
        found: dict[int, list[tuple[_Row, Described]]] = {}
        problems: dict[int, str] = {}
        for row in rows:
            if row.kind_of_bytes != DESCRIPTION:
                continue
            data = await self._payloads.payload(row.first_index, limit=MAX_DESCRIPTION_BYTES)
            if data is None:
                continue
            try:
                described = Described.decode(data)
            except FormatError as error:
                problems[row.first_index] = f"a description that cannot be read: {error}"
                continue
            found.setdefault(described.document, []).append((row, described))
        return found, problems

    async def _superseded(self, rows: Sequence[_Row]) -> dict[int, int]:
        """Return, for each older version, the record of the newest that supersedes it."""
        newer = {
            ref.leaf: row.first_index
            for row in rows
            if row.statement is not None
            for ref in row.statement.refs
            if ref.rel == "supersedes"
        }
        if not newer:
            return {}
        query: Any = select(entries.c.record_first, entries.c.leaf_hash).where(
            entries.c.log_id == self._log_id, entries.c.leaf_hash.in_(list(newer))
        )
        async with self._engine.connect() as connection:
            return {first: newer[LeafHash(leaf)] for first, leaf in await connection.execute(query)}

    async def _with_invoices(self, documents: Sequence[DocumentFact]) -> list[DocumentFact]:
        found, read = [], 0
        for document in documents:
            if document.media_type in _XML and read < MAX_INVOICES:
                read += 1
                document = await self._with_invoice(document)  # noqa: PLW2901 - with what it says
            found.append(document)
        return found

    async def _with_invoice(self, document: DocumentFact) -> DocumentFact:
        first_index = document.logged.first_index
        data = await self._payloads.payload(first_index, limit=MAX_INVOICE_BYTES)
        if data is None:
            return document
        digest = sha256(data)
        fitting = tuple(one for one in document.descriptions if one.said.sha256 == digest)
        if len(fitting) < len(document.descriptions):
            remark = "a description of it names other bytes and does not count"
            document = replace(
                document, descriptions=fitting, logged=replace(document.logged, remark=remark)
            )
        try:
            # A large one takes a second, in which others would wait.
            return replace(document, invoice=await asyncio.to_thread(read_invoice, data))
        except NotAnInvoiceError as error:
            # A declaration in XML is no invoice and need not be one.
            is_told = document.type in INVOICES
            return replace(document, problem=f"{error.code}: {error}" if is_told else "")
        except XmlError as error:
            return replace(document, problem=f"{error.code}: {error}")


def _statement(head: bytes | None, tail: bytes | None) -> Statement | None:
    """Statement for a subject that does not matter here; None once erased or where it is damaged."""
    if head is None or tail is None:
        return None
    try:
        data = StatementTemplate(head=head, tail=tail).for_subject(_ANY_SUBJECT)
        return Statement.from_json(parse_canonical(data))
    except FormatError:
        return None


def _told(row: _Row, described: Sequence[tuple[_Row, Described]]) -> tuple[DescriptionFact, ...]:
    """What is said of a document, in order; of one organisation's the newest supersedes the others."""
    newest = {teller.submitter: teller.first_index for teller, _ in described}
    return tuple(
        DescriptionFact(
            logged=_logged(teller),
            said=said,
            submitter=teller.submitter,
            organisation=teller.named,
            is_own=teller.submitter == row.submitter,
            superseded_by=(
                None if newest[teller.submitter] == teller.first_index else newest[teller.submitter]
            ),
        )
        for teller, said in described
    )


def _logged(row: _Row) -> Logged:
    proof = Proof.ERASED if row.statement is None else Proof.UNCHECKED
    return Logged(row.first_index, row.at, proof=proof)
