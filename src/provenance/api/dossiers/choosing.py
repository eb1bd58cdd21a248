"""What a recipient is shown: from the records that a caller chose to the entries of a dossier."""

from collections.abc import Collection
from typing import Final

from provenance.api.dossiers.collecting import Collected
from provenance.api.dossiers.order import Chosen
from provenance.core.errors import BadValueError
from provenance.core.fields import MAX_DISCLOSED, DisclosedField
from provenance.core.receipt import Receipt
from provenance.evidence.dossier.log import LogEvidence
from provenance.evidence.dossier.redaction import Choice
from provenance.prove.errors import EntryNotFoundError
from provenance.prove.prover import Prover

_WHERE: Final = "/only"


async def choice_of(
    chosen: Chosen, collected: Collected, evidence: LogEvidence, *, prover: Prover
) -> Choice:
    """Return what ``chosen`` means for the entries of a dossier.

    Raises:
        BadValueError: a record that the dossier does not have, or one that is chosen twice; a
            field that the record does not have or the caller may not see.

    """
    _check(chosen, collected)
    whole = [index for first in chosen.records for index in collected.entries_of(first)]
    statements = [index for first in chosen.statements for index in collected.entries_of(first)]
    receipts = {receipt.index: receipt for receipt in evidence.receipts}
    fields: dict[int, tuple[DisclosedField, ...]] = {}
    for at, one in enumerate(chosen.fields):
        where = f"{_WHERE}/fields/{at}"
        for index in collected.entries_of(one.first_index):
            fields[index] = await _fields(
                receipts[index], one.pointers, evidence, prover=prover, where=where
            )
    return Choice(
        whole=frozenset(whole),
        statements=frozenset(statements),
        fields=fields,
        with_case=chosen.case,
    )


def _check(chosen: Chosen, collected: Collected) -> None:
    places = [
        *((f"/records/{at}", first) for at, first in enumerate(chosen.records)),
        *((f"/statements/{at}", first) for at, first in enumerate(chosen.statements)),
        *((f"/fields/{at}", one.first_index) for at, one in enumerate(chosen.fields)),
    ]
    seen: set[int] = set()
    for where, first in places:
        if first not in collected.records:
            raise BadValueError(
                f"the dossier has no record {first}; name the first index of one",
                where=_WHERE + where,
            )
        if first in seen:
            raise BadValueError(f"record {first} is chosen twice", where=_WHERE + where)
        seen.add(first)


async def _fields(
    receipt: Receipt,
    pointers: Collection[str],
    evidence: LogEvidence,
    *,
    prover: Prover,
    where: str,
) -> tuple[DisclosedField, ...]:
    """Fields of a record that are shown of one entry, at most those that the caller may see."""
    if not 0 < len(pointers) <= MAX_DISCLOSED:
        raise BadValueError(f"names no field, or more than {MAX_DISCLOSED}", where=where)
    if receipt.state is not None:
        raise BadValueError(f"the record is {receipt.state}", where=where)
    if receipt.payload is None:
        # The caller sees some of its fields: what can be shown is among these.
        visible = {item.field.pointer: item for item in receipt.fields}
        return tuple(item for pointer, item in visible.items() if pointer in set(pointers))
    try:
        shown = await prover.disclosing(evidence.materials[receipt.index], tuple(pointers))
    except EntryNotFoundError as error:
        raise BadValueError(f"{error}: show it whole, or its statement", where=where) from None
    except BadValueError as error:
        raise BadValueError(str(error), where=where) from None
    return shown.fields
