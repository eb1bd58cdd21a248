"""Tells a claims case in lines of text: what stands in it, what runs out, and what that rests on."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from provenance.evidence.excerpts import excerpt

_DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000
_BASES: Final = {
    "claimed": "as the event claims",
    "logged": "the anchor's time, for the event claims a later one",
    "stated": "as the claimant states it",
}
"""Whose word the start of a period is."""
_NAMED: Final = 8
"""Erased acts that are named one by one."""


def told(found: dict[str, Any]) -> list[str]:
    """Lines of text that tell a case."""
    assessment = found["assessment"]
    lines = [
        f"{found['case']}: {found['claim']}, {found['state']}, next act {found['seq']}",
        f"claimant: {found['claimant']}",
        *(f"shipment: {shipment}" for shipment in found["shipments"]),
        *(
            f"{amount['role']}: {amount['currency']} {amount['value']}"
            for amount in found.get("amounts", ())
        ),
    ]
    if "hold" in found:
        lines.append(f"legal hold: {excerpt(found['hold']['reason'])}")
    lines += _erased(found)
    lines += ["", "checklist"]
    lines += [_line(line) for line in assessment["checklist"]]
    lines += ["", "clocks"]
    lines += [line for clock in assessment["clocks"] for line in _clock(clock)]
    if assessment["limits"]:
        lines += ["", "limits"]
        lines += [_limit(limit) for limit in assessment["limits"]]
    if "cover" in assessment:
        cover = assessment["cover"]
        lines += ["", f"cover: {cover['outcome'].replace('_', ' ')}: {cover['reason']}"]
        if "sum" in cover:
            lines.append(f"  sum: {cover['currency']} {cover['sum']}, {cover['terms_from']}")
        for name, title in (
            ("doubts", "not proven: "),
            ("computation", ""),
            ("by_the_log", ""),
            ("notes", "note: "),
        ):
            lines += [f"  {title}{step}" for step in cover.get(name, ())]
    differing = [one for one in assessment["cross_checks"] if one["verdict"] != "agrees"]
    if differing:
        lines += ["", "cross-checks that do not agree"]
        lines += [_check(one) for one in differing]
    lines += ["", "history"]
    lines += [
        f"  {item['seq']:>3}  {minute(item['at'])}  {item.get('act', 'erased')}  "
        f"entry {item['first_index']}  {item['proof']}"
        for item in found["history"]
    ]
    return [*lines, "", found["note"]]


def _erased(found: dict[str, Any]) -> Iterator[str]:
    """What cannot be told any more, for an act that told it was erased."""
    if gone := found.get("erased_acts"):
        yield f"note: what {_acts(gone)} changed is not known any more: erased"
    if doubts := found.get("state_doubts"):
        yield (
            f"note: {found['state']} is the last state that is known; {_acts(doubts)} may have "
            "moved the case on: record the move again if so"
        )


def _acts(numbers: Sequence[int]) -> str:
    named = ", ".join(map(str, numbers[:_NAMED]))
    more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
    return f"act {named}{more}" if len(numbers) == 1 else f"acts {named}{more}"


def _line(line: dict[str, Any]) -> str:
    filled = line.get("filled_by", ())
    records = ", ".join(f"{one['first_index']}" for one in filled)
    by = f"  record {records}" if records else ""
    whole = line.get("remark", "")
    # What the line says itself is not said again of what fills it.
    untold = [said for one in filled if (said := one.get("remark", "")) and said not in whole]
    said = "; ".join(filter(None, dict.fromkeys([whole, *untold])))
    return f"  {line['state']:<12}  {line['need']:<8}  {line['title']} [{line['id']}]{by}" + (
        f"\n      {said}" if said else ""
    )


def _clock(clock: dict[str, Any]) -> list[str]:
    if clock["state"] == "not_computable":
        head = f"  not computable  {clock['title']}: {clock['reason']}"
    else:
        zone = clock["start"]["zone"]
        head = (
            f"  {clock['state']:<14}  {clock['title']}: {clock['last_day']} ({zone}), "
            f"{_left(clock)}; {clock['source']}"
        )
    lines = [head]
    if "start" in clock:
        lines.append(f"      counts from {_start(clock['start'])}")
    if "met_by" in clock:
        how = "met by" if clock["state"] == "met" else "recorded late:"
        lines.append(f"      {how} record {clock['met_by']}")
    return lines + [f"      assumes: {one}" for one in clock.get("assumptions", ())]


def _left(clock: dict[str, Any]) -> str:
    if "left_ms" in clock:
        return f"{_length(clock['left_ms'])} left"
    return f"ended {_length(clock.get('late_ms', 0))} ago"


def _start(start: dict[str, Any]) -> str:
    """What a period counts from, whose word that is, and what the log proves of it."""
    at = minute(start["at"]) if "at" in start else start["day"]
    parts = [f"{start['what']}, record {start['first_index']}: {at}, {_BASES[start['basis']]}"]
    recorded = f"recorded {minute(start['recorded_at'])}"
    late = (start["recorded_at"] - start.get("claimed_at", start["recorded_at"])) // _DAY_MS
    if late:
        recorded += f", {late} {'day' if late == 1 else 'days'} after the time that it claims"
    parts.append(recorded)
    parts.append(
        f"anchored {minute(start['logged_before'])}"
        if "logged_before" in start
        else "not anchored yet"
    )
    return "; ".join(parts)


def _length(milliseconds: int) -> str:
    if milliseconds >= 2 * _DAY_MS:
        return f"{milliseconds // _DAY_MS} days"
    hours = milliseconds // _HOUR_MS
    return f"{hours} {'hour' if hours == 1 else 'hours'}"


def _limit(limit: dict[str, Any]) -> str:
    told = limit.get("computation") or limit.get("reason") or limit["source"]
    return f"  {limit['title']}: {told}"


def _check(one: dict[str, Any]) -> str:
    said = "; ".join(f"{_teller(item)}: {item['value']}" for item in one["stated"])
    of = f" of {one['parcel']}" if "parcel" in one else ""
    why = f" ({one['explanation']})" if "explanation" in one else ""
    return f"  {one['title']}{of}: {one['verdict'].replace('_', ' ')}: {said}{why}"


def _teller(item: dict[str, Any]) -> str:
    """The record that says it, of which document, and who recorded that."""
    what = f"record {item['first_index']}"
    if "document" in item:
        what += f" on document {item['document']}"
    parts = [item.get("organisation") or item.get("submitter", "")]
    if "standing" in item:
        parts.append("not its sender" if item["standing"] == "other" else item["standing"])
    told = ", ".join(filter(None, parts))
    return f"{what} ({told})" if told else what


def minute(at: int) -> str:
    """Spell a time to the minute, in UTC."""
    return f"{datetime.fromtimestamp(at / 1000, tz=UTC):%Y-%m-%d %H:%M}Z"
