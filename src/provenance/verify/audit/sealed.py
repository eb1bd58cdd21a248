"""Sealed payloads of an audited log: opened, streamed and held against what was committed to.

Rules: the opening's salt and the hash of the bytes open the statement's payload commitment, and
there are as many bytes as it says. A payload whose key is gone is one that cannot be opened, which
an erasure record must name. Memory is a chunk, whatever the payload's size.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from provenance.core.digests import Salt
from provenance.core.errors import ProvenanceError
from provenance.core.statement import payload_digest_commitment
from provenance.sealing import KeyGoneError, Opening, SealedRef, SealedRow
from provenance.verify.audit.rows import (
    RecordFindings,
    SealedExpectation,
    StoredEntry,
    StoredRecord,
)


class SealedSource(Protocol):
    """Whoever has the keys and the bytes."""

    async def opening(self, ref: SealedRef) -> Opening:
        """Return what opens the payload's commitment; raises KeyGoneError once erased."""
        ...

    async def open_rows(self, rows: Sequence[SealedRow]) -> list[bytes | None]:
        """Open payloads that lie sealed in rows; None where the key is gone."""
        ...

    async def measure(self, ref: SealedRef, *, size: int) -> bytes:
        """Return the SHA-256 of a payload that has ``size`` bytes; raises a ProvenanceError."""
        ...


async def open_row(record: StoredRecord, source: SealedSource) -> StoredRecord:
    """Return ``record`` with the payload that lies sealed in its row, as if it lay open.

    Raises:
        ProvenanceError: it cannot be opened, though its key is there.

    """
    ref = record.sealed
    if ref is None or ref.path is not None or record.payload is None:
        return record
    [payload] = await source.open_rows(
        [SealedRow(ref.segment, ref.slot, record.payload, ref.opening)]
    )
    if payload is None:
        return replace(record, payload=None, sealed=None)
    opening = await source.opening(ref)
    return replace(
        record,
        payload=payload,
        payload_salt=opening.payload_salt,
        fields_salt=opening.fields_salt,
        sealed=None,
    )


async def check_sealed(
    expected: SealedExpectation,
    entries: Sequence[StoredEntry],
    *,
    source: SealedSource,
    found: RecordFindings,
) -> None:
    """Check one sealed payload of the record that ``entries`` are of."""
    try:
        opening = await source.opening(expected.ref)
        digest = await source.measure(expected.ref, size=expected.size)
    except KeyGoneError:
        closed = {entry.index for entry in found.closed}
        found.closed += [entry for entry in entries if entry.sound and entry.index not in closed]
        return
    except ProvenanceError as error:
        found.of_record("payload", f"cannot be opened: {error}")
        return
    salt = Salt(opening.payload_salt)
    if payload_digest_commitment(digest, salt=salt) != expected.commitment:
        found.of_record("payload", "is not the one that was recorded")
    elif opening.sha256 != digest:
        found.of_record("opening", "names another hash than the payload's")
