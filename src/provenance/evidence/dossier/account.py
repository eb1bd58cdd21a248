"""What a report tells of a claims case: pure, out of its acts and of what the rules make of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from provenance.core.jcs import JsonValue, canonicalize
from provenance.evidence.assessment import Assessment
from provenance.evidence.cases.fold import Case, LoggedAct
from provenance.evidence.checklist import ChecklistLine
from provenance.evidence.clocks.reading import Basis, ClockReading, ClockStart
from provenance.evidence.cover import CoverReading
from provenance.evidence.crosschecks import CrossCheck, Stated
from provenance.evidence.dossier.report import Clock, Found, Item, Section
from provenance.evidence.dossier.sheet import ENTRY, spelled_time
from provenance.evidence.facts import DAY_MS, Erased, Holdings, Logged, Proof, whole_days
from provenance.evidence.limits import LimitReading
from provenance.evidence.money import plain

NO_ADVICE: Final = "The rules' reading of the records; a working aid and not legal advice"

_HOUR_MS: Final = 3_600_000
_BASES: Final[Mapping[Basis, str]] = {
    "claimed": "as the event claims",
    "logged": "the anchor's time, for the event claims a later one",
    "stated": "as the claimant states it",
}
"""Whose word the start of a period is."""
_OUTCOMES: Final[Mapping[Proof, str]] = {Proof.PROVEN: "VALID", Proof.DISPROVEN: "INVALID"}


def facts_of(case: Case) -> list[tuple[str, str]]:
    """Return what the first table of a report says."""
    opened = case.opened
    rows = [
        ("Case", case.case),
        ("Claim", words(opened.claim)),
        ("State", _state(case)),
        ("Claimant", opened.claimant),
        *(("Shipment", shipment) for shipment in case.shipments),
        *(
            (f"Amount {role}", f"{money.currency} {plain(money.value)}")
            for role, money in case.amounts
        ),
        *(
            (f"Stated: {words(name)}", _spelled(value))
            for name, value in case.facts.to_json().items()
        ),
    ]
    if opened.reference is not None:
        rows.append(("Reference", opened.reference))
    if opened.carriage:
        rows.append(("Carriage", ", ".join(opened.carriage)))
    if case.hold is not None:
        rows.append(("Legal hold", case.hold.reason))
    return rows


def _state(case: Case) -> str:
    if not case.state_doubts:
        return case.state
    acts = ", ".join(map(str, case.state_doubts))
    return f"{case.state}, as far as is known: acts erased since may have moved it on (No. {acts})"


def checklist_of(assessment: Assessment) -> list[Item]:
    """Return the checklist, line by line."""
    return [Item(_titled(line), line.state, _note(line)) for line in assessment.checklist]


def clocks_of(assessment: Assessment) -> list[Clock]:
    """Return the clocks that could be computed, and why others could not."""
    return [
        Clock(f"{clock.title} ({words(clock.state)})", clock.ends_at, clock.source, _left(clock))
        for clock in assessment.clocks
    ]


def sections_of(case: Case, assessment: Assessment) -> Iterator[Section]:
    """Return cross-checks, limits, cover and acts; tables without rows are left out."""
    found = (
        Section(
            "Cross-checks: shown and not resolved",
            ("What", "Result", "Said by"),
            [_compared(check) for check in assessment.cross_checks],
            (26, 18, 56),
        ),
        Section(
            "What the clocks rest on",
            ("Clock", "Counts from", "Assumed"),
            [_rests(clock) for clock in assessment.clocks],
            (24, 38, 38),
        ),
        Section(
            "Limits of liability",
            ("Limit", "SDR", "How it comes about"),
            [_limit(limit) for limit in assessment.limits],
            (34, 14, 52),
        ),
        Section(
            "Customs-delay cover",
            ("Outcome", "Why"),
            [] if assessment.cover is None else list(_cover(assessment.cover)),
            (24, 76),
        ),
        Section(
            "Acts of the case",
            ("No.", "Recorded (UTC)", "Act", "Says", ENTRY),
            [_act(number, act) for number, act in enumerate(case.history)],
            (6, 20, 18, 46, 10),
        ),
    )
    return (section for section in found if section.rows)


def verdicts_of(case: Case, holdings: Holdings) -> list[Found]:
    """Return what the service's own check of the receipts behind the assessment found."""
    groups: tuple[tuple[str, Iterable[Logged]], ...] = (
        ("acts", (act.logged for act in case.history)),
        (
            "events",
            [event.logged for event in holdings.events]
            + [one.logged for one in holdings.erased if one.kind == "event"],
        ),
        ("documents", (document.logged for document in holdings.documents)),
    )
    found = []
    for name, logged in groups:
        counts = Counter(one.proof for one in logged)
        found += [
            Found(name, _OUTCOMES.get(proof, "UNKNOWN"), f"{counts[proof]} {proof.value}")
            for proof in Proof
            if counts[proof]
        ]
    return found


def erasure_of(erased: Erased | None) -> str:
    """Return when something was erased and why; nothing where the log does not say it yet."""
    if erased is None:
        return ""
    return f"at {spelled_time(erased.at)} UTC: {words(erased.ground)}"


def words(name: str) -> str:
    """Return a name of ours as people write it."""
    return name.replace("_", " ")


def _titled(line: ChecklistLine) -> str:
    return line.title if line.need == "required" else f"{line.title} ({line.need})"


def _note(line: ChecklistLine) -> str:
    parts = []
    if line.filled_by:
        parts.append("entry " + ", ".join(str(one.first_index) for one in line.filled_by))
    if line.more:
        parts.append(f"and {line.more} more")
    # What the line says itself is not said again of what fills it.
    untold = [one for one in line.filled_by if not one.remark or one.remark not in line.remark]
    parts += [
        f"entry {one.first_index} erased {erasure_of(Erased(one.erased_at, one.erased_ground or ''))}"
        for one in untold
        if one.erased_at is not None
    ]
    parts += list(dict.fromkeys(one.remark for one in untold if one.remark))
    if line.due_at is not None:
        parts.append(f"due {spelled_time(line.due_at)} UTC: {line.due}")
    if line.remark:
        parts.append(line.remark)
    return "; ".join(parts)


def _left(clock: ClockReading) -> str:
    if clock.ends_at is None or clock.start is None:
        return clock.reason
    day = f"last day {clock.last_day} ({clock.start.zone})"
    if clock.met_by is not None:
        how = "met by" if clock.state == "met" else "recorded late:"
        return f"{day}; {how} entry {clock.met_by}"
    if clock.left_ms is not None:
        return f"{day}; {_duration(clock.left_ms)} left"
    return f"{day}; {_duration(clock.late_ms or 0)} ago"


def _rests(clock: ClockReading) -> tuple[str, ...]:
    """What a clock counts from, whose word that is, and what it assumes."""
    told = _start(clock.start) if clock.start is not None else clock.reason
    assumed = [*clock.assumptions, clock.condition]
    return clock.title, told, "; ".join(filter(None, assumed)) or "-"


def _start(start: ClockStart) -> str:
    at = f"{spelled_time(start.at)} UTC" if start.at is not None else start.day
    parts = [f"{start.what}, entry {start.first_index}: {at}, {_BASES[start.basis]}"]
    recorded = f"recorded {spelled_time(start.recorded_at)} UTC"
    late = 0 if start.claimed_at is None else start.recorded_at - start.claimed_at
    if late >= DAY_MS:
        recorded += f", {whole_days(late)} after the time that it claims"
    parts.append(recorded)
    parts.append(
        f"anchored {spelled_time(start.logged_before)} UTC"
        if start.logged_before is not None
        else "not anchored yet"
    )
    return "; ".join(parts)


def _duration(milliseconds: int) -> str:
    if milliseconds >= 2 * DAY_MS:
        return whole_days(milliseconds)
    hours = milliseconds // _HOUR_MS
    return f"{hours} {'hour' if hours == 1 else 'hours'}"


def _compared(check: CrossCheck) -> tuple[str, ...]:
    said = "; ".join(f"{_teller(one)}: {one.value}" for one in check.stated)
    explained = f"{said} ({check.explanation})" if check.explanation else said
    if check.parcel:
        explained = f"{check.parcel}: {explained}"
    return check.title, words(check.verdict), explained


def _teller(one: Stated) -> str:
    """The entry that says it, of which document, and who recorded that."""
    what = f"entry {one.first_index}"
    if one.document is not None:
        what += f" on document {one.document}"
    parts = [one.organisation or one.submitter]
    if one.standing == "other":
        parts.append("not its sender")
    if one.standing == "superseded":
        parts.append("superseded")
    told = ", ".join(filter(None, parts))
    return f"{what} ({told})" if told else what


def _limit(limit: LimitReading) -> tuple[str, ...]:
    told = [text for text in (limit.computation, limit.reason, limit.source) if text]
    return limit.title, limit.sdr or "-", "; ".join([*told, *limit.assumptions])


def _cover(cover: CoverReading) -> Iterator[tuple[str, ...]]:
    yield words(cover.outcome), cover.reason
    if cover.sum is not None:
        yield "sum", f"{cover.currency} {cover.sum}, {cover.terms_from}"
    for name, lines in (
        ("not proven", cover.doubts),
        ("by the claims", cover.computation),
        ("by the log", cover.by_the_log),
        ("note", cover.notes),
        ("assumed", cover.assumptions),
    ):
        yield from ((name, line) for line in lines)


def _act(number: int, logged: LoggedAct) -> tuple[str, ...]:
    at, entry = spelled_time(logged.logged.recorded_at), str(logged.logged.first_index)
    act = logged.act
    if act is None:
        return str(number), at, "erased", erasure_of(logged.logged.erased), entry
    said = "; ".join(_said(act.body.to_json()))
    if act.author is not None:
        said = f"{act.author}: {said}" if said else act.author
    return str(number), at, words(act.body.ACT), said, entry


def _said(body: Mapping[str, JsonValue]) -> Sequence[str]:
    return [f"{words(name)}: {_spelled(value)}" for name, value in body.items()]


def _spelled(value: JsonValue) -> str:
    """A value as people write it."""
    if isinstance(value, dict):
        return " ".join(f"{words(name)} {_spelled(item)}" for name, item in sorted(value.items()))
    if isinstance(value, list):
        return ", ".join(map(_spelled, value))
    return value if isinstance(value, str) else canonicalize(value).decode()
