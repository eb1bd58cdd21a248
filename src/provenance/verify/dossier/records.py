"""Records of a dossier: which of its entries are of one, and what must be there or told of each.

Rules: the statements of a record's entries are the same but for subject and refs; that of another
record differs in its payload commitment, whose salt is used once, or else in what it says. Every opened record of kind ``document`` has exactly one line in the manifest. Content that is not
there though its statement is open is counted, whatever the manifest calls it. What is called
erased is named by an erasure record: each has an entry in every trail that loses one, so that in a
whole trail of which no later entry is withheld it can be seen that there is none.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from provenance.core.receipt import Receipt
from provenance.core.statement import Statement
from provenance.verify.dossier.manifest import DOCUMENT
from provenance.verify.dossier.reading import Dossier

ERASURE: Final = "erasure"
"""``kind`` of the statement of an erasure record."""
NOT_ERASED: Final = "it is called erased, and nothing in its whole trail erases it"
UNLISTED: Final = "entry {index} was recorded as a document, and the manifest has no line for it"

Shared = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Erasures:
    """Entries that are called erased and that no erasure record in the dossier names, by index.

    ``false`` are those of which it can be seen that no record erases them, ``unproven`` the others.
    """

    false: frozenset[int]
    unproven: frozenset[int]


def _shared(statement: Statement) -> Shared:
    """What the statements of one record's entries have in common."""
    return (
        statement.kind,
        statement.submitter,
        statement.media_type,
        statement.payload,
        statement.payload_size,
        statement.type,
        statement.occurred_at,
        statement.context_sha256,
        statement.fields_root,
    )


class Records:
    """The entries of one dossier, by record."""

    def __init__(self, dossier: Dossier) -> None:
        self._dossier = dossier
        self._by_index = {receipt.index: receipt for receipt in dossier.receipts}
        self._groups: dict[Shared, list[Receipt]] = {}
        for receipt in dossier.receipts:
            if receipt.statement is not None:
                self._groups.setdefault(_shared(receipt.statement), []).append(receipt)

    def first_of(self, index: int) -> int:
        """Index of the first entry in the dossier of the record that an entry is of."""
        receipt = self._by_index.get(index)
        if receipt is None or receipt.statement is None:
            return index
        return self._groups[_shared(receipt.statement)][0].index

    def unlisted(self) -> Iterator[int]:
        """First entries of the documents that the manifest passes over.

        A document that belongs to other parcels too may begin with an entry that its reader does
        not get, and its line with that: then the entry before is not there, or not open, and the
        receipt does not open the payload.
        """
        lines = [file.record for file in self._dossier.manifest.files if file.role == DOCUMENT]
        listed = {self.first_of(record) for record in lines if record is not None}
        for group in self._groups.values():
            first = group[0]
            assert first.statement is not None
            if first.statement.kind != DOCUMENT or first.index in listed:
                continue
            before = self._by_index.get(first.index - 1)
            is_first = first.index == 0 or (before is not None and before.statement is not None)
            if is_first or any(receipt.payload is not None for receipt in group):
                yield first.index

    def without_content(self, found: Collection[int]) -> tuple[int, int]:
        """How many opened records have no content, and how many there are.

        ``found`` are the entries whose content is there.
        """
        absent = sum(
            all(receipt.index not in found for receipt in group) for group in self._groups.values()
        )
        return absent, len(self._groups)

    def erasures(self, whole: Collection[bytes]) -> Erasures:
        """What the dossier shows of its erasures; ``whole`` are the trails that are whole."""
        receipts = self._dossier.receipts
        named = {
            ref.leaf
            for receipt in receipts
            if receipt.statement is not None and receipt.statement.kind == ERASURE
            for ref in receipt.statement.refs
            if ref.rel == "erases"
        }
        withheld: dict[bytes, int] = {}
        for receipt in receipts:
            if receipt.state == "withheld":
                withheld[receipt.entry.trail] = receipt.index
        false, unproven = set[int](), set[int]()
        for receipt in self._called_erased():
            if receipt.entry.leaf_hash() in named:
                continue
            trail = receipt.entry.trail
            is_shown = trail in whole and withheld.get(trail, -1) < receipt.index
            (false if is_shown else unproven).add(receipt.index)
        return Erasures(frozenset(false), frozenset(unproven))

    def _called_erased(self) -> Iterator[Receipt]:
        lines = {
            file.record
            for file in self._dossier.manifest.files
            if file.role == DOCUMENT and file.state == "erased"
        }
        for receipt in self._dossier.receipts:
            if receipt.state == "erased" or receipt.index in lines:
                yield receipt
