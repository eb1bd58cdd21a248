"""Judging a dossier: the verdicts of each part, each entry, each trail and the whole.

Rules: every entry is checked as a receipt is (``core.check``, ``verify.sets``), with facts that
the dossier proves. Where nobody vouches for the block of an entry's first anchor, its anchor,
finality and timing are UNKNOWN, and the whole may still be VALID by the closing anchor; the report
then says what that leaves open. What contradicts itself is INVALID, whoever vouches. An entry that
is withheld or erased proves place and order only, and is counted; so is content that is not there
though its statement is open (``records``).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import IO, Final

from provenance.core.check import LATE_ANCHOR_MS, Evidence, checkpoint_of
from provenance.core.errors import FormatError, ProofError, ProvenanceError
from provenance.core.notes import Checkpoint, TrailHead, Verifier, split_note
from provenance.core.receipt import AnchorRecord, Receipt
from provenance.core.trustfile import TrustedLog, TrustFile
from provenance.core.verdict import OPTIONAL, Outcome, Report, Verdict
from provenance.verify.dossier.anchors import CONTRADICTED, NO_PROOF, ProvenAnchor, Vouches
from provenance.verify.dossier.case import CaseOf
from provenance.verify.dossier.closing import judge_anchor, judge_cover, judge_origins
from provenance.verify.dossier.errors import ChecksumError, ContainerError
from provenance.verify.dossier.files import judge_contents, judge_files
from provenance.verify.dossier.front import (
    NO_TRUST,
    NOT_NAMED,
    FrontError,
    about,
    judge_container,
    judge_front,
    judge_signature,
)
from provenance.verify.dossier.reading import Dossier, InsideError, Progress, read_dossier, silent
from provenance.verify.dossier.records import NOT_ERASED, UNLISTED, Erasures, Records
from provenance.verify.dossier.report import (
    NO_CONTENT,
    NO_ERASURE,
    NO_TIMES,
    PLACE_ONLY,
    DossierReport,
    FileReport,
    Refusal,
    utc,
)
from provenance.verify.dossier.timestamps import ChecksToken, judge_timestamps
from provenance.verify.sets import ReadReceipt, ReceiptReport, SetReport, judge

_BY_FIRST_ANCHOR: Final = frozenset({"anchor", "finality", "timing"})
"""Checks that may be UNKNOWN where nobody vouches for the first anchor's block."""
_BY_STATEMENT: Final = frozenset({"commitment", "trail"})
"""Checks that may be UNKNOWN for an entry that is withheld or erased."""

Finding = tuple[Outcome, str]


def verify_dossier(
    file: IO[bytes],
    *,
    trust: TrustFile | None,
    vouches: Vouches,
    check_token: ChecksToken | None = None,
    progress: Progress = silent,
) -> DossierReport:
    """Read and judge a dossier; never raises on what a file can hold."""
    try:
        dossier = read_dossier(file, trust=trust, progress=progress)
    except (ContainerError, ProofError) as error:
        return refused(error)
    return judge_dossier(dossier, trust=trust, vouches=vouches, check_token=check_token)


def refused(error: ContainerError | ProofError) -> DossierReport:
    """Report of a file that broke the format with ``error``, or whose front does not hold."""
    if isinstance(error, FrontError):
        return judge_front(error.front, error.trust)
    if isinstance(error, InsideError):
        found = Refusal(error.inner, error.where, error.reason, error.offset)
        return DossierReport(refusal=found, tampered=error.tampered)
    if isinstance(error, ContainerError | ChecksumError):
        found = Refusal(error.code, error.where, error.reason, error.offset)
        return DossierReport(refusal=found, tampered=isinstance(error, ChecksumError))
    return DossierReport(refusal=Refusal(error.code, "", str(error), None), tampered=True)


def judge_dossier(
    dossier: Dossier,
    *,
    trust: TrustFile | None,
    vouches: Vouches,
    check_token: ChecksToken | None = None,
) -> DossierReport:
    """Judge a dossier that was read.

    Args:
        dossier: its parts.
        trust: whom the verifier trusts, from elsewhere than the dossier.
        vouches: hashes of blocks that are trusted, and why.
        check_token: checks time stamps for who trusts some authority.

    """
    return _Judgement(dossier, trust, vouches, check_token).report()


@dataclass(frozen=True, slots=True)
class _Remembering(Verifier):
    """A key that remembers what it has verified: receipts share checkpoints and trail heads."""

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is this key's over ``text``."""
        return _verified(self.public_key, text, signature)


@lru_cache(maxsize=1 << 16)
def _verified(public_key: bytes, text: bytes, signature: bytes) -> bool:
    return Verifier(name="", public_key=public_key).verify(text, signature)


class _Judgement:
    def __init__(
        self,
        dossier: Dossier,
        trust: TrustFile | None,
        vouches: Vouches,
        check_token: ChecksToken | None,
    ) -> None:
        self._dossier = dossier
        self._check_token = check_token
        self._trust = _remembering(trust) if trust is not None else None
        self._vouches = dossier.proofs.linked(vouches)
        self._is_strange = dossier.proofs.strange(vouches)
        self._anchors: dict[tuple[str, AnchorRecord], ProvenAnchor] = {}
        self._firsts: Counter[Checkpoint] = Counter()

    def report(self) -> DossierReport:
        dossier = self._dossier
        items = [self._item(receipt) for receipt in dossier.receipts]
        found = judge([item for item, _ in items], trust=self._trust)
        contents = judge_contents(dossier)
        records = Records(dossier)
        whole = self._whole(found)
        erasures = records.erasures(frozenset(whole.values()))
        case = CaseOf(dossier, whole)
        absent = records.without_content(contents)
        contents |= dict.fromkeys(erasures.false, (Outcome.INVALID, NOT_ERASED))
        reports = tuple(
            _lowered(report, anchor, contents.get(report.receipt.index))
            for report, (_, anchor) in zip(found.receipts, items, strict=True)
        )
        receipts = replace(found, receipts=reports)
        files = judge_files(dossier, records, receipts)
        checks = (
            judge_container(dossier),
            Verdict("signature", *judge_signature(dossier, self._trust)),
            self._files(files, records),
            Verdict("closing", *_guarded(self._closing)),
            Verdict("history", *self._history(receipts)),
            *self._case(case),
            *self._timestamps(),
        )
        return DossierReport(
            checks=checks,
            files=tuple(files),
            receipts=receipts,
            about={**about(dossier), "entries": len(dossier.receipts)},
            qualifications=(
                *self._qualifications(receipts, [item for _, item in items]),
                *_absences(absent, erasures, entries=len(dossier.receipts)),
                *case.doubts(),
                *case.missing(),
                *case.strangers(),
            ),
        )

    def _whole(self, found: SetReport) -> dict[str, bytes]:
        """Trails that the manifest lists and that are whole, by subject."""
        subjects = frozenset(self._dossier.manifest.subjects)
        return {
            item.subject: item.trail
            for item in found.trails
            if item.subject in subjects and item.verdict.outcome is Outcome.VALID
        }

    def _item(self, receipt: Receipt) -> tuple[ReadReceipt, ProvenAnchor]:
        anchor = self._anchor(receipt)
        evidence = Evidence(
            trust=self._trust, facts=anchor.facts, facts_missing=anchor.unvouched or NO_PROOF
        )
        return ReadReceipt(f"entry {receipt.index}", receipt, evidence), anchor

    def _anchor(self, receipt: Receipt) -> ProvenAnchor:
        claim = receipt.anchored.anchor
        try:
            checkpoint = checkpoint_of(receipt.anchored)
        except ProvenanceError as error:
            return ProvenAnchor(facts=None, unvouched=str(error))
        self._firsts[checkpoint] += 1
        if self._trust is None:
            return ProvenAnchor(facts=None, unvouched=NO_TRUST)
        log = self._trust.log(checkpoint.origin)
        if log is None:
            return ProvenAnchor(facts=None, unvouched=NOT_NAMED.format(origin=checkpoint.origin))
        # The whole claim: what the dossier does not prove of it is judged by what it says.
        key = (checkpoint.origin, claim)
        if key not in self._anchors:
            self._anchors[key] = self._prove(claim, log, self._trust)
        return self._anchors[key]

    def _prove(self, claim: AnchorRecord, log: TrustedLog, trust: TrustFile) -> ProvenAnchor:
        return self._dossier.proofs.anchor(
            claim, log=log, trust=trust, vouches=self._vouches, is_strange=self._is_strange
        )

    def _files(self, files: Sequence[FileReport], records: Records) -> Verdict:
        wrong = [file for file in files if file.outcome is Outcome.INVALID]
        if wrong:
            return Verdict("files", Outcome.INVALID, f"{wrong[0].name}: {wrong[0].reason}")
        unlisted = next(records.unlisted(), None)
        if unlisted is not None:
            return Verdict("files", Outcome.INVALID, UNLISTED.format(index=unlisted))
        present = [file for file in self._dossier.manifest.files if file.state is None]
        absent = len(self._dossier.manifest.files) - len(present)
        said = f"; {absent} withheld or erased" if absent else ""
        return Verdict(
            "files",
            Outcome.VALID,
            f"{len(present)} files have the size and SHA-256 that the manifest says{said}",
        )

    def _closing(self) -> Finding:
        closing = self._dossier.closing
        outcome, cover = judge_cover(closing, list(self._firsts.items()), self._trust)
        if outcome is not Outcome.VALID:
            return outcome, cover
        if sum(self._firsts.values()) != len(self._dossier.receipts):
            return Outcome.INVALID, "an entry has no checkpoint that could be read"
        wrong = judge_origins(closing, self._firsts, self._dossier.manifest.origins)
        if wrong:
            return Outcome.INVALID, wrong
        if self._trust is None:
            return Outcome.UNKNOWN, NO_TRUST
        origin = closing.parsed().origin
        log = self._trust.log(origin)
        if log is None:
            return Outcome.UNKNOWN, NOT_NAMED.format(origin=origin)
        contradicted = self._dossier.proofs.contradicted(self._vouches)
        if contradicted is not None:
            return Outcome.INVALID, CONTRADICTED.format(number=contradicted)
        anchor = self._prove(closing.anchor, log, self._trust)
        # When the log stood at the size before is not what the closing anchor is for.
        unvouched = self._closing_unvouched(anchor)
        outcome, reason = judge_anchor(closing, log, anchor.facts, unvouched)
        if outcome is not Outcome.VALID:
            return outcome, reason
        when = utc(anchor.facts.record.block_time if anchor.facts and anchor.facts.record else 0)
        return Outcome.VALID, f"{cover}; {reason}, {when}"

    def _closing_unvouched(self, anchor: ProvenAnchor) -> str:
        record = anchor.facts.record if anchor.facts is not None else None
        return "" if record is not None and record.block_hash in self._vouches else anchor.unvouched

    def _case(self, case: CaseOf) -> Iterator[Verdict]:
        if case.finding is not None:
            yield Verdict("case", case.finding.outcome, case.finding.reason)

    def _timestamps(self) -> Iterator[Verdict]:
        dossier = self._dossier
        if dossier.timestamps:
            judge_them = partial(
                judge_timestamps,
                dossier.timestamps,
                closing=dossier.closing,
                receipts=dossier.receipts,
                trust=self._trust,
                check=self._check_token,
            )
            yield Verdict("timestamps", *_guarded(judge_them))

    def _history(self, receipts: SetReport) -> Finding:
        subjects = self._dossier.manifest.subjects
        trails = {trail.subject: trail.verdict for trail in receipts.trails}
        for outcome in (Outcome.INVALID, Outcome.UNKNOWN):
            for subject in subjects:
                verdict = trails.get(subject)
                if verdict is None and outcome is Outcome.UNKNOWN:
                    return outcome, f"{subject}: no proven entry is of its trail"
                if verdict is not None and verdict.outcome is outcome:
                    return outcome, f"{subject}: {verdict.reason}"
        return self._freshness(receipts)

    def _freshness(self, receipts: SetReport) -> Finding:
        """Whole trails as of an older size would hide what was logged before the closing anchor."""
        subjects = self._dossier.manifest.subjects
        closing = self._dossier.closing.anchor.size
        sizes: dict[str, int] = {}
        # Many receipts share a trail head.
        signed = {
            item.receipt.trail_head
            for item in receipts.receipts
            if item.report.verdict("trail").outcome is Outcome.VALID
        }
        for note in filter(None, signed):
            head = TrailHead.parse(split_note(note).text)
            sizes[head.subject] = max(sizes.get(head.subject, 0), head.anchored_size)
        for subject in subjects:
            size = sizes.get(subject, 0)
            if size < closing:
                return Outcome.UNKNOWN, (
                    f"{subject}: whole as of size {size} only; the closing anchor is of {closing}"
                )
        return Outcome.VALID, f"whole and gapless trails: {len(subjects)}"

    def _qualifications(self, receipts: SetReport, anchors: list[ProvenAnchor]) -> Iterator[str]:
        if receipts.qualification:
            yield receipts.qualification
        if any(anchor.unvouched for anchor in anchors):
            yield NO_TIMES
        absent = sum(receipt.state is not None for receipt in self._dossier.receipts)
        if absent:
            yield PLACE_ONLY.format(count=absent, total=len(self._dossier.receipts))


def _absences(absent: tuple[int, int], erasures: Erasures, *, entries: int) -> Iterator[str]:
    count, total = absent
    if count:
        yield NO_CONTENT.format(count=count, total=total)
    if erasures.unproven:
        yield NO_ERASURE.format(count=len(erasures.unproven), total=entries)


def _remembering(trust: TrustFile) -> TrustFile:
    logs = tuple(
        replace(log, keys=tuple(_Remembering(key.name, key.public_key) for key in log.keys))
        for log in trust.logs
    )
    return replace(trust, logs=logs)


def _lowered(item: ReceiptReport, anchor: ProvenAnchor, content: Finding | None) -> ReceiptReport:
    """Report of an entry, its verdicts lowered to what is vouched for."""
    report, optional = item.report, OPTIONAL
    verdicts = list(report.verdicts)
    for at, verdict in enumerate(verdicts):
        if not anchor.unvouched or verdict.check not in _BY_FIRST_ANCHOR:
            continue
        if verdict.outcome is Outcome.VALID:
            verdicts[at] = Verdict(verdict.check, Outcome.UNKNOWN, anchor.unvouched)
            optional |= {verdict.check}
        elif anchor.facts is None:
            optional |= {verdict.check}
    if _is_late(item.receipt):
        optional -= {"timing"}
    if item.receipt.state is not None:
        optional |= _BY_STATEMENT
    if content is not None:
        verdicts[0] = Verdict("content", *content)
    found = Report(tuple(verdicts), qualification=report.qualification, optional=optional)
    return replace(item, report=found)


def _is_late(receipt: Receipt) -> bool:
    """Whether timing is UNKNOWN for a reason that no vouching would remove."""
    return receipt.entry.at < receipt.anchored.anchor.old_time - LATE_ANCHOR_MS


def _guarded(step: Callable[[], Finding]) -> Finding:
    try:
        return step()
    except (FormatError, ProofError) as error:
        return Outcome.INVALID, str(error)
