"""A running log as the source of a dossier: its prover for receipts, its chain for blocks."""

from collections.abc import Collection
from dataclasses import dataclass

from provenance.chain.registry import Registry
from provenance.core.digests import sha256
from provenance.core.receipt import Receipt
from provenance.evidence.dossier.blocks import MAX_HEADERS
from provenance.evidence.dossier.gather import ChainEvidence, gather_evidence
from provenance.evidence.dossier.places import RegistryPlaces
from provenance.prove.errors import EntryNotFoundError, NotAnchoredError
from provenance.prove.prover import Prover


@dataclass(frozen=True, slots=True)
class LogEvidence:
    """Receipts of the entries that were asked for, and what proves them on the chain."""

    origins: tuple[str, ...]
    receipts: tuple[Receipt, ...]
    chain: ChainEvidence


async def gather_from_log(
    indexes: Collection[int],
    *,
    prover: Prover,
    registry: Registry,
    origins: tuple[str, ...],
    max_headers: int = MAX_HEADERS,
) -> LogEvidence:
    """Everything that a dossier of the entries ``indexes`` needs, closed by the newest anchor.

    ``origins`` are the log and those that it carries on, the newest first.

    Raises:
        EntryNotFoundError: the log has no such entry.
        NotAnchoredError: no anchor covers one of them yet.
        BlockGatherError: the node's answers do not lead to the hashes.
        ChainError: the node could not be asked.

    """
    materials = await prover.materials(indexes)
    receipts: list[Receipt] = []
    for index in sorted(set(indexes)):
        material = materials.get(index)
        if material is None:
            raise EntryNotFoundError(f"the log has no entry {index}")
        receipts.append(Receipt.decode(await prover.encoded(material)))
    size = max(material.anchored_size for material in materials.values())
    # The last entry below the newest anchored size was first anchored by the anchor of that size.
    last = await prover.material(size - 1)
    if last is None or last.anchored is None:
        raise NotAnchoredError(f"the anchor of size {size} is not on the chain at the moment")
    closing = Receipt.decode(await prover.encoded(last)).anchored
    lineage = [sha256(origin.encode()) for origin in origins]
    chain = await gather_evidence(
        receipts,
        closing,
        prover=prover,
        events=RegistryPlaces(registry.events, lineage=lineage),
        node=registry.chain.rpc,
        max_headers=max_headers,
    )
    used = {sha256(origin.encode()): origin for origin in origins}
    seen = {closing.anchor.log_id, *(receipt.anchored.anchor.log_id for receipt in receipts)}
    named = tuple(origin for log_id, origin in used.items() if log_id in seen)
    return LogEvidence(origins=named, receipts=tuple(receipts), chain=chain)
