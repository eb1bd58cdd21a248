"""Verifies the receipts of what is held: what the rules may rely on.

Each record is verified by the receipt of its first entry, with the trust file that the operator
publishes. This is the service checking itself, good enough to sort a checklist; who must be
convinced verifies the receipts elsewhere.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from provenance.core.trustfile import TrustFile
from provenance.core.verdict import Outcome, Report
from provenance.evidence.facts import Logged, Proof
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
class Verifier:
    """Makes and verifies receipts of one log and those that it succeeded."""

    prover: Prover
    lineage: Collection[LogRow]
    trust: Callable[[], Awaitable[TrustFile]]
    facts: FactsSource | None

    async def verified(self, firsts: Collection[int]) -> dict[int, Logged]:
        """Return, for each record, its anchors and what its receipt proves.

        Of more than :data:`MAX_VERIFIED` the first ones are verified, the others only placed.
        """
        materials = await self.prover.materials(sorted(firsts))
        found = {index: self._placed(material) for index, material in materials.items()}
        receipts = await self._receipts(materials)
        if not receipts:
            return found
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
        return found

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
