"""The report of a dossier: what it tells of the case, the shipment, and what the dossier holds.

It tells of what is shown, and of everything else that it is there: a variant's report must not say
what the variant withholds.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from provenance.api.dossiers.collecting import Collected
from provenance.api.dossiers.linked import linked_records
from provenance.api.shipments.answers import TimelineEvent
from provenance.core.digests import sha256
from provenance.evidence.dossier.account import (
    NO_ADVICE,
    checklist_of,
    clocks_of,
    erasure_of,
    facts_of,
    sections_of,
    verdicts_of,
    words,
)
from provenance.evidence.dossier.build import document_name
from provenance.evidence.dossier.content import DossierContent
from provenance.evidence.dossier.report import (
    Line,
    ListedDocument,
    ReportContent,
)
from provenance.evidence.dossier.sheet import spelled_time
from provenance.evidence.facts import Erased
from provenance.intake.documents.description import MEDIA_TYPE as DESCRIPTION
from provenance.intake.documents.types import document_types
from provenance.verify.dossier.tokens import stated

MAX_LINES: Final = 1_000
"""Lines of a timeline that people read: thirty pages."""
_TRAILS: Final = 16
"""Subjects that are named one by one."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """When a report is written, by whom, and with which page the dossier is verified."""

    created_at: int
    operator: str
    page: bytes


def report_of(
    content: DossierContent, collected: Collected, circumstances: Circumstances
) -> ReportContent:
    """Return what the report of ``content`` says; that is already what its reader may see."""
    hidden = {
        collected.owners[item.index]: item.state
        for item in content.receipts
        if item.state is not None
    }
    shown = {event.record for event in content.events}
    states = {
        "withheld": sum(item.state == "withheld" for item in content.receipts),
        "erased": sum(item.state == "erased" for item in content.receipts),
    }
    anchor = content.closing.anchor
    facts = [
        ("Entries of the log", f"{len(content.receipts)}, closed at size {anchor.size}"),
        ("Documents", str(len(content.documents))),
        *_unlisted(content),
        *((f"Entries {name}", str(count)) for name, count in states.items() if count),
        *(("Whole trail", subject) for subject in content.subjects[:_TRAILS]),
    ]
    facts += _stamps(content)
    if len(content.subjects) > _TRAILS:
        facts.append(("Whole trails", f"{len(content.subjects)} in all; the manifest has them"))
    lines, left = _shortened(list(_lines(collected, shown, hidden)), _telling(collected))
    if left:
        facts.append(
            ("Timeline", f"{left} more events are in the evidence and left out of this report")
        )
    report = ReportContent(
        title=f"Shipment {content.subjects[0]}",
        operator=circumstances.operator,
        created_at=circumstances.created_at,
        facts=facts,
        block_number=anchor.block_number,
        block_hash=anchor.block_hash.hex(),
        verifier_sha256=sha256(circumstances.page).hex(),
        timeline=lines,
        documents=list(_documents(content, _erasures(collected))),
    )
    gathered, assessment = collected.gathered, collected.assessment
    if gathered is None or assessment is None:
        return report
    case = gathered.case
    return replace(
        report,
        title=f"Claim: {words(case.opened.claim)}",
        facts=[*facts_of(case), ("Assessment", NO_ADVICE), *facts],
        verdicts=verdicts_of(case, gathered.holdings),
        checklist=checklist_of(assessment),
        clocks=clocks_of(assessment),
        sections=list(sections_of(case, assessment)),
    )


def _unlisted(content: DossierContent) -> Iterator[tuple[str, str]]:
    if content.unlisted:
        yield (
            "Documents not listed",
            f"{content.unlisted} more are withheld or erased; their entries are in the evidence",
        )


def _stamps(content: DossierContent) -> Iterator[tuple[str, str]]:
    """The newest time stamp, as it says itself, and how many there are."""
    if not content.timestamps:
        return
    newest = content.timestamps[-1]
    said = stated(newest.token)
    told = (
        f"{len(content.timestamps)}; the newest, by {said.by}, says that entries below "
        f"{newest.parsed.size} existed by {spelled_time(said.latest)} UTC. The command line "
        "checks it with --tsa."
    )
    yield "Time stamps (RFC 3161)", told


def _lines(
    collected: Collected, shown: Collection[int], hidden: Mapping[int, str]
) -> Iterator[Line]:
    told: set[int] = set()
    for timeline in collected.timelines:
        for event in timeline.events:
            if event.first_index in told:
                continue
            told.add(event.first_index)
            record = collected.records.get(event.first_index)
            yield _line(
                event,
                media_type="" if record is None else record.media_type,
                is_shown=event.first_index in shown,
                hidden=hidden,
            )
    if collected.gathered is not None:
        for event, note in linked_records(collected.gathered, told):
            record = collected.records.get(event.first_index)
            line = _line(
                event,
                media_type="" if record is None else record.media_type,
                is_shown=event.first_index in shown,
                hidden=hidden,
            )
            # Of what is withheld not even that is told.
            is_hidden = event.withheld or event.first_index in hidden
            yield line if is_hidden else replace(line, what=f"{line.what} ({note})")


def _line(
    event: TimelineEvent, *, media_type: str, is_shown: bool, hidden: Mapping[int, str]
) -> Line:
    at = event.recorded_at
    if event.erased:
        erased = (
            None if event.erased_at is None else Erased(event.erased_at, event.erased_ground or "")
        )
        return Line(at, _erased(erased), event.first_index)
    if event.withheld or event.first_index in hidden:
        return Line(at, hidden.get(event.first_index, "withheld"), event.first_index)
    if event.kind == "document":
        return Line(at, f"recorded: {_type(event.type, media_type)}", event.first_index)
    if event.kind == "erasure":
        return Line(at, f"erasure: {words(event.type or '')}", event.first_index)
    if event.kind == "case":
        return Line(at, f"act of a case: {words(event.type or '')}", event.first_index)
    if not is_shown:
        return Line(at, "shown in part", event.first_index)
    parts = [event.biz_step or event.type, event.disposition]
    where = event.read_point or event.biz_location
    said = ", ".join(words(part) for part in parts if part) + (f" at {where}" if where else "")
    if event.corrected_by:
        said += f" (corrected by entry {event.corrected_by[0]})"
    return Line(at if event.event_time is None else event.event_time, said, event.first_index)


def _erased(erased: Erased | None) -> str:
    return f"erased {erasure_of(erased)}".rstrip()


def _erasures(collected: Collected) -> dict[int, Erased]:
    """Records that were erased, as far as the log says when and why."""
    found = {
        event.first_index: Erased(event.erased_at, event.erased_ground or "")
        for timeline in collected.timelines
        for event in timeline.events
        if event.erased_at is not None
    }
    if collected.gathered is not None:
        for document in collected.gathered.holdings.documents:
            if document.logged.erased is not None:
                found[document.logged.first_index] = document.logged.erased
    return found


def _telling(collected: Collected) -> frozenset[int]:
    """Records that the rules look at; the others are scans on the way."""
    if collected.gathered is None:
        return frozenset()
    holdings = collected.gathered.holdings
    events = (event.logged.first_index for event in holdings.events)
    documents = (document.logged.first_index for document in holdings.documents)
    return frozenset([*events, *documents])


def _shortened(lines: Sequence[Line], telling: Collection[int]) -> tuple[list[Line], int]:
    """Return the lines that are shown, those that tell first, and how many are left out."""
    if len(lines) <= MAX_LINES:
        return list(lines), 0
    ordered = sorted(lines, key=lambda line: (line.entry not in telling, line.at, line.entry))
    return ordered[:MAX_LINES], len(lines) - MAX_LINES


def _documents(content: DossierContent, erasures: Mapping[int, Erased]) -> Iterable[ListedDocument]:
    receipts = {item.index: item for item in content.receipts}
    for number, document in enumerate(content.documents, start=1):
        opening = receipts[document.record].payload
        told = document.state or _type(document.code, document.media_type)
        yield ListedDocument(
            name=document_name(number, document),
            what=_erased(erasures.get(document.record)) if told == "erased" else told,
            sha256=opening.sha256.hex() if opening is not None and document.state is None else "-",
            entry=document.record,
        )


def _type(code: str | None, media_type: str) -> str:
    if code is None:
        return "description" if media_type == DESCRIPTION else "document without a type"
    return f"{code} {document_types().get(code, '')}".strip()
