"""A running log as the source of a dossier: its prover for receipts, its chain for blocks.

Rules: everything is as of one size, the closing one, whose anchor is final. Receipts hold the first
anchor of each entry and trail heads of the closing size: a trail that went on meanwhile is whole
as of then, and what came later is not of this dossier.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

import msgspec

from provenance.chain.registry import Registry
from provenance.core.digests import sha256
from provenance.core.receipt import Receipt
from provenance.evidence.dossier.blocks import MAX_HEADERS
from provenance.evidence.dossier.gather import ChainEvidence, gather_evidence
from provenance.evidence.dossier.places import RegistryPlaces
from provenance.prove.errors import EntryNotFoundError, NotAnchoredError
from provenance.prove.materials import Material
from provenance.prove.prover import Prover

ReceiptOf = Callable[[Material], Awaitable[Receipt]]
"""Makes the receipt of an entry as its reader may see it."""
Told = Callable[[int, int], None]
"""Told how many proofs are gathered, and how many there are."""


@dataclass(frozen=True, slots=True)
class LogEvidence:
    """Receipts of the entries that were asked for, and what proves them on the chain.

    ``materials`` are what the receipts were made of, by the index of the entry.
    """

    origins: tuple[str, ...]
    receipts: tuple[Receipt, ...]
    materials: Mapping[int, Material]
    chain: ChainEvidence


def made_receipt(data: bytes) -> Receipt:
    """Receipt that was made a moment ago: its spelling is ours, and need not be checked."""
    return Receipt.from_json(msgspec.json.decode(data))


async def gather_from_log(
    indexes: Collection[int],
    *,
    prover: Prover,
    registry: Registry,
    origins: tuple[str, ...],
    size: int | None = None,
    receipt_of: ReceiptOf | None = None,
    told: Told | None = None,
    max_headers: int = MAX_HEADERS,
) -> LogEvidence:
    """Everything that a dossier of the entries ``indexes`` needs.

    Args:
        indexes: places of the entries in the log.
        prover: makes the receipts.
        registry: the contract, and the node that it is asked through.
        origins: the log and those that it carries on, the newest first.
        size: the closing size, whose anchor is final; else the largest one.
        receipt_of: makes the receipt of an entry; else the one that opens it whole.
        told: is told how far it has come.
        max_headers: bound of the headers that link first anchors to the closing one.

    Raises:
        EntryNotFoundError: the log has no such entry.
        NotAnchoredError: no final anchor covers one of them yet.
        DistrustedLogError: the log is forked.
        BlockGatherError: the node's answers do not lead to the hashes.
        ChainError: the node could not be asked.

    """
    wanted = sorted(set(indexes))
    size = await prover.final_size() if size is None else size
    materials = await prover.materials_as_of(wanted, size=size)
    for index in wanted:
        if index not in materials:
            raise EntryNotFoundError(f"the log has no entry {index}")
        if index >= size:
            raise NotAnchoredError(f"entry {index} is recorded; no final anchor covers it yet")
    receipts: list[Receipt] = []
    for done, index in enumerate(wanted):
        if told is not None:
            told(done, len(wanted))
        material = materials[index]
        receipts.append(
            await receipt_of(material)
            if receipt_of is not None
            else made_receipt(await prover.encoded(material))
        )
    # The last entry below an anchored size was first anchored by the anchor of that size.
    last = (await prover.materials_as_of([size - 1], size=size)).get(size - 1)
    if last is None or last.anchored is None:
        raise NotAnchoredError(f"the anchor of size {size} is not on the chain at the moment")
    closing = Receipt.decode(await prover.encoded(last)).anchored
    lineage = [sha256(origin.encode()) for origin in origins]
    chain = await gather_evidence(
        receipts,
        closing,
        prover=prover,
        events=RegistryPlaces(registry.events, known=prover, lineage=lineage),
        node=registry.chain.rpc,
        max_headers=max_headers,
    )
    used = {sha256(origin.encode()): origin for origin in origins}
    seen = {closing.anchor.log_id, *(receipt.anchored.anchor.log_id for receipt in receipts)}
    named = tuple(origin for log_id, origin in used.items() if log_id in seen)
    return LogEvidence(named, tuple(receipts), materials, chain)
