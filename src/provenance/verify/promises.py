"""Whether an acknowledgement was kept: the entries that it promised are at their places."""

from collections.abc import Iterable

from provenance.core.errors import FormatError, ProofError
from provenance.core.notes import Acknowledgement, split_note
from provenance.core.tree import root_of
from provenance.core.trustfile import TrustFile
from provenance.core.verdict import Outcome, Verdict
from provenance.verify.signed import UntrustedError, lineage, open_trusted
from provenance.verify.trails import ProvenEntry


def read_acknowledgement(note: str) -> Acknowledgement:
    """What ``note`` promises, whoever signed it.

    Raises:
        FormatError: not a signed note, or not one of an acknowledgement.

    """
    return Acknowledgement.parse(split_note(note).text)


def judge_acknowledgement(
    note: str, trust: TrustFile | None, proven: Iterable[ProvenEntry]
) -> Verdict:
    """Verdict on one acknowledgement; the receipts of all its entries are needed for VALID."""
    return Verdict("acknowledgement", *_finding(note, trust, proven))


def _finding(
    note: str, trust: TrustFile | None, proven: Iterable[ProvenEntry]
) -> tuple[Outcome, str]:
    try:
        ack = open_trusted(note, trust, Acknowledgement.parse)
    except UntrustedError as error:
        return Outcome.UNKNOWN, str(error)
    except (FormatError, ProofError) as error:
        return Outcome.INVALID, str(error)
    last = ack.first_index + ack.count - 1
    log = lineage(ack.origin, trust)
    places = {
        item.receipt.index: item.receipt.entry
        for item in proven
        if ack.first_index <= item.receipt.index <= last and lineage(item.origin, trust) == log
    }
    if len(places) < ack.count:
        return Outcome.UNKNOWN, (
            f"signed, for entries {ack.first_index} to {last}; proven receipts of "
            f"{len(places)} of these {ack.count} were given"
        )
    entries = [places[index] for index in sorted(places)]
    if root_of(entry.leaf_hash() for entry in entries) != ack.root:
        return Outcome.INVALID, (
            f"entries {ack.first_index} to {last} are not the ones that were acknowledged"
        )
    if any(entry.at != ack.at for entry in entries):
        return Outcome.INVALID, "the entries have another time than was acknowledged"
    return Outcome.VALID, f"kept: entries {ack.first_index} to {last} are as acknowledged"
