"""Whether something that a dossier is made of was erased since it began to be read.

What is recorded is read in several steps, and a person's name that was read in an early one would
stand in the file beside a receipt of a late one that no longer opens it, or without any record of
the erasure. So this is asked last, when nothing more is read.

Rule: the log names what is erased before anything of it is destroyed. So what was missed by one of
the steps is named by an erasure record that lies behind the closing size, or its row was emptied
for an order that the log had before. What was gone for good at the beginning is no matter here: its
erasure record is in the dossier, or it was not erased by order, which verifying finds.
"""

from collections.abc import Iterator

from provenance.api.cases.holdings import Gathered
from provenance.api.dossiers.collecting import Collected
from provenance.api.dossiers.refusals import ErasedMeanwhileError
from provenance.api.dossiers.store import DossierStore
from provenance.evidence.dossier.log import LogEvidence
from provenance.evidence.facts import Proof


async def check_still_there(
    store: DossierStore, collected: Collected, evidence: LogEvidence
) -> None:
    """Refuse a dossier that would be of what was there before an erasure and of what was after it.

    Raises:
        ErasedMeanwhileError: something was erased since ``collected`` began to be read.

    """
    named = await store.erased_since(collected.size)
    if named and any(
        receipt.entry.leaf_hash() in named
        for receipt in evidence.receipts
        if _matters(receipt.index, collected, evidence)
    ):
        raise ErasedMeanwhileError
    if await store.has_erased(sorted(set(_read_open(collected)))):
        raise ErasedMeanwhileError


def _matters(index: int, collected: Collected, evidence: LogEvidence) -> bool:
    """Whether the dossier uses what was erased, or has to have the record of its erasure."""
    is_erased = collected.records[collected.owners[index]].is_erased
    return not is_erased or evidence.materials[index].subject in collected.subjects


def _read_open(collected: Collected) -> Iterator[int]:
    """First indexes of the records whose payload or statement was there when it was read."""
    yield from (first for first, record in collected.records.items() if not record.is_erased)
    for timeline in collected.timelines:
        yield from (event.first_index for event in timeline.events if not event.erased)
    if collected.gathered is not None:
        yield from _told(collected.gathered)


def _told(gathered: Gathered) -> Iterator[int]:
    """Records that the case and its assessment tell of; some are not in the dossier."""
    yield from (act.logged.first_index for act in gathered.case.history if act.act is not None)
    for event in gathered.linked:
        if event.logged.proof is not Proof.ERASED:
            yield event.logged.first_index
    for document in gathered.holdings.documents:
        yield from (one.logged.first_index for one in document.descriptions)
        if document.invoice is not None:
            yield document.logged.first_index
