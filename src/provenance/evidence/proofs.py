"""Verifies the receipts of what is held: what the rules may rely on.

Each record is verified by the receipt of its first entry, with the trust file that the operator
publishes. This is the service checking itself, good enough to sort a checklist; who must be
convinced verifies the receipts elsewhere.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from provenance.core.errors import FormatError
from provenance.core.jcs import parse_canonical
from provenance.core.statement import Statement
from provenance.core.trustfile import TrustFile
from provenance.core.verdict import Outcome, Report
from provenance.evidence.facts import DocumentFact, EventFact, Logged, Proof
from provenance.prove.errors import NotAnchoredError
from provenance.prove.materials import Material
from provenance.prove.prover import Prover
from provenance.prove.store import LogRow
from provenance.verify.service import FactsSource, ReceiptInput, verify_receipts

MAX_VERIFIED: Final = 256
"""Receipts that are verified at once: a tenth of a second."""

_PROOFS: Final = {
    Outcome.VALID: Proof.PROVEN,
    Outcome.INVALID: Proof.DISPROVEN,
    Outcome.UNKNOWN: Proof.UNCHECKED,
}


@dataclass(frozen=True, slots=True)
class Verified:
    """What the receipt of a record proves, and the statement that it proves it of."""

    logged: Logged
    statement: Statement | None


@dataclass(frozen=True, slots=True)
class Verifier:
    """Makes and verifies receipts of one log and those that it succeeded."""

    prover: Prover
    lineage: Collection[LogRow]
    trust: Callable[[], Awaitable[TrustFile]]
    facts: FactsSource | None

    async def verified(self, firsts: Collection[int]) -> dict[int, Verified]:
        """Return, for each record, its anchors and what its receipt proves.

        Of more than :data:`MAX_VERIFIED` the first ones are verified, the others only placed.
        """
        materials = await self.prover.materials(sorted(firsts))
        found = {index: self._placed(material) for index, material in materials.items()}
        statements = {index: _statement(material) for index, material in materials.items()}
        receipts = await self._receipts(materials)
        if receipts:
            await self._verify(receipts, found)
        return {index: Verified(logged, statements[index]) for index, logged in found.items()}

    async def _verify(self, receipts: list[ReceiptInput], found: dict[int, Logged]) -> None:
        """Put what the receipts prove into ``found``."""
        report = await verify_receipts(receipts, trust=await self.trust(), facts=self.facts)
        for item in report.receipts:
            index = int(item.name)
            proof = _PROOFS[item.report.outcome]
            found[index] = _proven(
                found[index], proof, "" if proof is Proof.PROVEN else _why(item.report)
            )
        for malformed in report.malformed:
            index = int(malformed.name)
            found[index] = _proven(found[index], Proof.DISPROVEN, str(malformed.error))

    async def _receipts(self, materials: Mapping[int, Material]) -> list[ReceiptInput]:
        receipts = []
        for index in sorted(materials)[:MAX_VERIFIED]:
            material = materials[index]
            if material.anchored is None or material.statement is None:
                continue
            try:
                data = await self.prover.encoded(material)
            except NotAnchoredError:
                # The anchor was lost by the chain since it was read.
                continue
            receipts.append(ReceiptInput(data=data, name=f"{index}"))
        return receipts

    def _placed(self, material: Material) -> Logged:
        anchored = material.anchored
        if anchored is None:
            return Logged(material.record_first, material.at, proof=Proof.PENDING)
        old_time = anchored.old_time
        for log in self.lineage:
            if old_time is None and log.start_size == anchored.old_size:
                old_time = log.start_time
        return Logged(
            material.record_first,
            material.at,
            after=old_time,
            before=anchored.block_time,
            proof=Proof.ERASED if material.statement is None else Proof.UNCHECKED,
        )


def _statement(material: Material) -> Statement | None:
    """Statement of a record; None once erased, or where it is no statement any more."""
    if material.statement is None:
        return None
    try:
        return Statement.from_json(parse_canonical(material.statement))
    except FormatError:
        return None


def _proven(logged: Logged, proof: Proof, remark: str) -> Logged:
    return Logged(
        logged.first_index,
        logged.recorded_at,
        after=logged.after,
        before=logged.before,
        proof=proof,
        remark=remark,
    )


def _why(report: Report) -> str:
    return "; ".join(
        f"{verdict.check}: {verdict.reason}"
        for verdict in report.verdicts
        if verdict.outcome is report.outcome and verdict.check not in report.optional
    )[:500]


def as_proven(event: EventFact, verified: Verified) -> EventFact:
    """Return ``event`` with what its receipt proves, disproven if the table says other than that.

    The rules read columns of the table. What an event was and when is in the statement that the
    receipt proves; a table that was altered beside it must not be believed.
    """
    statement, logged = verified.statement, verified.logged
    if event.doubt:
        logged = _proven(logged, Proof.DISPROVEN, event.doubt)
    elif statement is not None and (
        statement.occurred_at != event.occurred_at
        or statement.type != (event.biz_step or event.event_type)
    ):
        remark = "the table tells another time or step than the statement that was recorded"
        logged = _proven(logged, Proof.DISPROVEN, remark)
    return replace(event, logged=kept(event.logged, logged))


def kept(logged: Logged, verified: Logged) -> Logged:
    """Return what was found out; what was erased or withheld stays so."""
    if logged.proof in {Proof.ERASED, Proof.WITHHELD}:
        return replace(logged, after=verified.after, before=verified.before)
    return replace(verified, remark=verified.remark or logged.remark)


def document_as_proven(document: DocumentFact, found: Mapping[int, Verified]) -> DocumentFact:
    """Return ``document`` with what its receipt proves, and those of its descriptions."""
    verified = found.get(document.logged.first_index)
    if verified is not None:
        document = replace(document, logged=kept(document.logged, verified.logged))
    descriptions = tuple(
        replace(one, logged=kept(one.logged, found[one.logged.first_index].logged))
        if one.logged.first_index in found
        else one
        for one in document.descriptions
    )
    disproven = [
        f"its description, record {one.logged.first_index}, is disproven: {one.logged.remark}"
        for one in descriptions
        if one.logged.proof is Proof.DISPROVEN
    ]
    problem = "; ".join(filter(None, [document.problem, *disproven]))
    return replace(document, descriptions=descriptions, problem=problem)
