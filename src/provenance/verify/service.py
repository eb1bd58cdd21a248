"""Verifying receipts with the chain's help: what the command line, the API and the demo call."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from provenance.core.check import AnchorFacts, Evidence, checkpoint_of
from provenance.core.digests import sha256
from provenance.core.errors import FormatError, ProvenanceError
from provenance.core.receipt import AnchoredCheckpoint, AnchorRecord, Receipt
from provenance.core.trustfile import TrustedLog, TrustFile
from provenance.verify.errors import ChainReadError
from provenance.verify.sets import MalformedReceipt, ReadReceipt, SetReport, judge

NOT_ASKED = "the chain was not asked: no RPC URL was given"
"""Why facts are missing where there is nobody to ask."""


class FactsView(Protocol):
    """One log on its chain, as of one block."""

    async def facts(self, size: int, *, hint: AnchorRecord | None = None) -> AnchorFacts:
        """Facts about the anchor at ``size``; raises a ChainReadError."""
        ...


class FactsSource(Protocol):
    """Whoever can ask the chain; ``verify.chain.ChainFactsReader`` is the one."""

    async def view(self, log: TrustedLog) -> FactsView:
        """The chain as of now, with regard to ``log``; raises a ChainReadError."""
        ...


@dataclass(frozen=True, slots=True)
class ReceiptInput:
    """A receipt's bytes as they came, the payload if there is one, and a name for reports."""

    data: bytes
    payload: bytes | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Decoded:
    name: str
    receipt: Receipt
    payload: bytes | None
    places: tuple["Place | None", ...]
    """Those of the first and the later anchors, where their checkpoints can be read."""


Place = tuple[str, int]
"""Origin and size of a checkpoint."""
Facts = Mapping[Place | None, AnchorFacts | str]
"""The chain's facts about each place, or why there are none."""


async def verify_receipts(
    items: Sequence[ReceiptInput],
    *,
    trust: TrustFile | None,
    facts: FactsSource | None,
    acknowledgements: Sequence[str] = (),
    complete: bool = False,
) -> SetReport:
    """Verify a set of receipts together; what cannot be asked becomes UNKNOWN, never an error.

    Args:
        items: the receipts, with the payloads that belong to them.
        trust: whom the verifier trusts, from elsewhere than the receipts.
        facts: how to ask the chain; None leaves anchors UNKNOWN.
        acknowledgements: signed notes that were given to the submitter.
        complete: whether whole trails are asked for.

    """
    # In threads: what a stranger posts may be large, and others wait for the loop.
    decoded, malformed = await asyncio.to_thread(_decode, items)
    answers = await _ask(decoded, trust, facts)
    return await asyncio.to_thread(
        judge,
        [_read(item, trust, answers) for item in decoded],
        malformed=malformed,
        trust=trust,
        acknowledgements=acknowledgements,
        complete=complete,
    )


def _decode(items: Sequence[ReceiptInput]) -> tuple[list[_Decoded], list[MalformedReceipt]]:
    """The receipts, without ``ext``: nothing reads it, and it takes many times its bytes."""
    decoded: list[_Decoded] = []
    malformed: list[MalformedReceipt] = []
    for item in items:
        try:
            receipt = replace(Receipt.decode(item.data), ext=None)
        except FormatError as error:
            malformed.append(MalformedReceipt(name=item.name, error=error))
        else:
            decoded.append(_Decoded(item.name, receipt, item.payload, _places(receipt)))
    return decoded, malformed


def _places(receipt: Receipt) -> tuple[Place | None, ...]:
    return tuple(_place(anchored) for anchored in (receipt.anchored, *receipt.later))


def _place(anchored: AnchoredCheckpoint) -> Place | None:
    try:
        checkpoint = checkpoint_of(anchored)
    except ProvenanceError:
        return None
    return checkpoint.origin, checkpoint.size


def _read(item: _Decoded, trust: TrustFile | None, answers: Facts) -> ReadReceipt:
    found = [answers.get(place, NOT_ASKED) for place in item.places]
    facts, *later = (answer if isinstance(answer, AnchorFacts) else None for answer in found)
    evidence = Evidence(
        trust=trust,
        payload=item.payload,
        facts=facts,
        facts_missing=next((answer for answer in found if isinstance(answer, str)), NOT_ASKED),
        later_facts=tuple(later),
    )
    return ReadReceipt(name=item.name, receipt=item.receipt, evidence=evidence)


async def _ask(
    decoded: Sequence[_Decoded], trust: TrustFile | None, source: FactsSource | None
) -> Facts:
    """Ask about each place once, all of one log as of one block."""
    if trust is None or source is None:
        return {}
    wanted: dict[str, dict[int, AnchorRecord]] = {}
    for item in decoded:
        anchors = (item.receipt.anchored, *item.receipt.later)
        for place, anchored in zip(item.places, anchors, strict=True):
            if place is not None:
                wanted.setdefault(place[0], {}).setdefault(place[1], anchored.anchor)
    answers: dict[Place | None, AnchorFacts | str] = {}
    for origin, hints in wanted.items():
        log = trust.log(origin)
        if log is not None:
            found = await _ask_log(source, log, hints)
            answers.update({(origin, size): answer for size, answer in found.items()})
    return answers


async def _ask_log(
    source: FactsSource, log: TrustedLog, hints: Mapping[int, AnchorRecord]
) -> dict[int, AnchorFacts | str]:
    try:
        view = await source.view(log)
    except ChainReadError as error:
        return dict.fromkeys(hints, str(error))

    async def ask(size: int) -> AnchorFacts | str:
        try:
            return await view.facts(size, hint=hints[size])
        except ChainReadError as error:
            return str(error)

    return dict(zip(hints, await asyncio.gather(*map(ask, hints)), strict=True))


@dataclass(frozen=True, slots=True)
class MatchedPayloads:
    """Which payload belongs to which input, and the names of those that belong to none."""

    items: tuple[ReceiptInput, ...]
    strays: tuple[str, ...]


def match_payloads(
    receipts: Sequence[ReceiptInput], payloads: Mapping[str, bytes]
) -> MatchedPayloads:
    """Give each receipt its payload, found by the hash that the receipt discloses.

    Where exactly one payload belongs to none of the receipts and exactly one receipt that could
    be shown one is left without, they are put together, so that an altered payload is named.
    """
    openings = [_disclosed_hash(item) for item in receipts]
    by_hash = {sha256(data): data for data in payloads.values()}
    strays = [name for name, data in payloads.items() if sha256(data) not in openings]
    matched = [
        ReceiptInput(data=item.data, name=item.name, payload=by_hash.get(opening, item.payload))
        if opening is not None
        else item
        for item, opening in zip(receipts, openings, strict=True)
    ]
    left = [at for at, item in enumerate(matched) if item.payload is None]
    if len(strays) == 1 and len({openings[at] for at in left}) == 1:
        payload = payloads[strays.pop()]
        for at in left:
            item = matched[at]
            matched[at] = ReceiptInput(data=item.data, name=item.name, payload=payload)
    return MatchedPayloads(items=tuple(matched), strays=tuple(strays))


def _disclosed_hash(item: ReceiptInput) -> bytes | None:
    try:
        opening = Receipt.decode(item.data).payload
    except FormatError:
        return None
    return opening.sha256 if opening is not None else None
