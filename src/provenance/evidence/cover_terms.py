"""Terms of a customs-delay cover, and whose word they are.

A claimant states terms; a policy is what they come from. So they count as the policy's only where
a policy lies in the log whose sender describes it with them, and a contradiction is said.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from provenance.evidence.crosschecks.statements import POLICIES
from provenance.evidence.facts import READABLE, DescriptionFact, DocumentFact
from provenance.evidence.money import Money

_NAMED: Final = 4
"""Policies that are named one by one."""


@dataclass(frozen=True, slots=True)
class CoverTerms:
    """What was agreed: the clearance time in whole hours, and the sum that is paid beyond it.

    ``policy`` is the record of the policy that says so, ``source`` who says it in words.
    """

    agreed_hours: int
    sum: Money
    policy: int | None = None
    source: str = "as the claimant states it"

    def __str__(self) -> str:
        return f"{self.sum} beyond {self.agreed_hours} hours"

    def agrees(self, other: "CoverTerms") -> bool:
        """Whether both say the same."""
        return (self.agreed_hours, self.sum) == (other.agreed_hours, other.sum)


def settled_terms(
    stated: CoverTerms | None, documents: Sequence[DocumentFact]
) -> tuple[CoverTerms | None, list[str]]:
    """Return the terms that are used, and what is in doubt about them.

    A policy's terms are taken before those that the claimant states.
    """
    found = list(_described(documents))
    if not found:
        if stated is None:
            return None, []
        doubt = (
            "the terms are the claimant's word: no policy in the log is described with them by who "
            "sent it"
        )
        return stated, [doubt]
    terms, doubts = found[0], []
    if any(not one.agrees(terms) for one in found):
        told = "; ".join(f"{one} by document {one.policy}" for one in found[:_NAMED])
        doubts.append(f"policies state different terms: {told}")
    if stated is not None and not any(one.agrees(stated) for one in found):
        doubts.append(f"the claimant states other terms: {stated}")
    if stated is not None:
        terms = next((one for one in found if one.agrees(stated)), terms)
    return terms, doubts


def _described(documents: Sequence[DocumentFact]) -> Iterator[CoverTerms]:
    """Terms by the own word of the policies that can be relied on, the newest version of each."""
    for document in documents:
        if (
            document.type not in POLICIES
            or document.superseded_by is not None
            or document.logged.proof not in READABLE
        ):
            continue
        for one in document.descriptions:
            terms = _terms(one)
            if terms is not None:
                who = document.organisation or document.submitter
                source = (
                    f"by the policy, document {document.logged.first_index}, as record "
                    f"{one.logged.first_index} describes it" + (f" ({who})" if who else "")
                )
                yield replace(terms, policy=document.logged.first_index, source=source)


def _terms(one: DescriptionFact) -> CoverTerms | None:
    hours, total = one.said.agreed_clearance_hours, one.said.stated_sum
    if not one.is_own or one.superseded_by is not None or one.logged.proof not in READABLE:
        return None
    return None if hours is None or total is None else CoverTerms(hours, total)
