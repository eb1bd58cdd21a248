"""Reads the rules and a carrier's terms, and joins the two.

A wrong file is refused with the line and what to do about it. Checked beyond the shapes: every
name that a rule uses exists, no id occurs twice, every zone is one of the IANA database.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from provenance.evidence.clocks.zones import zone_named
from provenance.evidence.errors import RulesError, ZoneError
from provenance.evidence.rules.locating import line_of
from provenance.evidence.rules.model import CLAIM_TYPES, MEMBERS, RuleBook, Terms

MAX_BYTES: Final = 4 << 20
"""Of a file of terms: some fifty thousand places with their zones."""
TERMS_PREFIX: Final = "terms-"
"""Ids of a carrier's own clocks, limits and lines begin so: nobody takes them for a convention's."""

M = TypeVar("M", bound=BaseModel)
Problem = tuple[tuple[str | int, ...], str]


@lru_cache(maxsize=1)
def built_in_rules() -> RuleBook:
    """The rules that come with this release."""
    text = files(__package__).joinpath("claims.toml").read_text(encoding="utf-8")
    rules = _read(text, RuleBook, path="claims.toml")
    return _with_kinds(_checked(rules, rules, text, path="claims.toml"))


def load_rules(terms: Path | None) -> RuleBook:
    """Return the rules, with a carrier's terms from the file ``terms`` if there are any.

    Raises:
        RulesError: the file cannot be read or is wrong; says the line and the remedy.

    """
    if terms is None:
        return built_in_rules()
    try:
        with terms.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        text = data.decode("utf-8")
    except OSError as error:
        raise RulesError(
            f"cannot be read: {error.strerror}; correct PROVENANCE_CARRIER_TERMS, or unset it",
            path=str(terms),
        ) from None
    except UnicodeDecodeError:
        raise RulesError("is not UTF-8; save it as UTF-8", path=str(terms)) from None
    if len(data) > MAX_BYTES:
        raise RulesError(f"has more than {MAX_BYTES} bytes; split it", path=str(terms))
    return read_terms(text, built_in_rules(), path=str(terms))


def read_terms(text: str, rules: RuleBook, *, path: str) -> RuleBook:
    """Return ``rules`` with the terms in ``text`` added.

    Raises:
        RulesError: the terms are wrong; names ``path`` and the line.

    """
    terms = _read(text, Terms, path=path)
    for place, message in _foreign(terms, rules):
        raise RulesError(_told(place, message), path=path, line=line_of(text, place))
    return _with_kinds(_checked(terms, _joined(rules, terms), text, path=path))


def _read(text: str, model: type[M], *, path: str) -> M:
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RulesError(
            f"is not TOML: {error}; correct it there", path=path, line=_syntax_line(text, error)
        ) from None
    except RecursionError:
        raise RulesError("is nested too deeply; flatten it", path=path) from None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        # A misspelt member is also a missing one: its own name tells more.
        first = min(found, key=lambda one: one["type"] != "extra_forbidden")
        place = tuple(first["loc"])
        raise RulesError(
            _told(place, _advice(first["type"], first["msg"], place)),
            path=path,
            line=line_of(text, place),
        ) from None


def _syntax_line(text: str, error: tomllib.TOMLDecodeError) -> int:
    found = re.search(r"at line ([0-9]+)", str(error))
    return int(found[1]) if found is not None else len(text.splitlines())


def _told(place: Sequence[str | int], message: str) -> str:
    return f"{'.'.join(str(step) for step in place) or 'the file'}: {message}"


def _advice(kind: str, message: str, place: Sequence[str | int]) -> str:
    if kind == "extra_forbidden":
        close = get_close_matches(str(place[-1]), MEMBERS, n=1)
        guess = f"did you mean {close[0]!a}? " if close else ""
        return f"there is no such member; {guess}remove it or spell it as claims.toml does"
    if kind == "missing":
        return "is required; add it"
    return f"{message.removeprefix('Value error, ')}; correct it"


def _foreign(terms: Terms, rules: RuleBook) -> Iterator[Problem]:
    """What is wrong with terms beside these rules."""
    for name in terms.events:
        if name not in rules.events:
            yield ("events", name), f"there is no such event; there are {', '.join(rules.events)}"
    owned = [
        *((("clocks", at, "id"), rule.id) for at, rule in enumerate(terms.clocks)),
        *((("limits", at, "id"), rule.id) for at, rule in enumerate(terms.limits)),
        *(
            (("claims", claim, "lines", at, "id"), line.id)
            for claim, more in terms.claims.items()
            for at, line in enumerate(more.lines)
        ),
    ]
    for place, found in owned:
        if not found.startswith(TERMS_PREFIX):
            yield place, f"a carrier's own begins with {TERMS_PREFIX!a}: terms add to the rules"


def _joined(rules: RuleBook, terms: Terms) -> RuleBook:
    events = dict(rules.events)
    for name, more in terms.events.items():
        kind = events[name]
        events[name] = kind.model_copy(update={"match": (*kind.match, *more.match)})
    claims = dict(rules.claims)
    for claim, added in terms.claims.items():
        claims[claim] = claims[claim].model_copy(
            update={"lines": (*claims[claim].lines, *added.lines)}
        )
    return rules.model_copy(
        update={
            "events": events,
            "claims": claims,
            "clocks": (*rules.clocks, *terms.clocks),
            "limits": (*rules.limits, *terms.limits),
            "holidays": (*rules.holidays, *terms.holidays),
            "places": {**rules.places, **terms.places},
        }
    )


def _with_kinds(rules: RuleBook) -> RuleBook:
    """Give each kind of event the words of those that are of it too."""
    events = {}
    for name, kind in rules.events.items():
        words = [*kind.match, *(word for one in kind.also for word in rules.events[one].match)]
        events[name] = kind.model_copy(update={"match": tuple(dict.fromkeys(words))})
    return rules.model_copy(update={"events": events})


def _checked(part: RuleBook | Terms, whole: RuleBook, text: str, *, path: str) -> RuleBook:
    """Return ``whole`` if nothing is wrong with ``part`` of it, which stands in ``text``."""
    for place, message in _problems(part, whole):
        raise RulesError(_told(place, message), path=path, line=line_of(text, place))
    return whole


def _problems(part: RuleBook | Terms, whole: RuleBook) -> Iterator[Problem]:
    """Names that lead nowhere, ids that occur twice, zones that do not exist."""
    for claim in CLAIM_TYPES:
        if claim not in whole.claims:
            yield ("claims",), f"the type {claim} is missing; add [claims.{claim}]"
    clocks = [clock.id for clock in whole.clocks]
    yield from _repeated(("clocks",), [clock.id for clock in part.clocks], clocks)
    limits = [limit.id for limit in whole.limits]
    yield from _repeated(("limits",), [limit.id for limit in part.limits], limits)
    yield from _unknown_names(part, whole)
    for claim, rule in part.claims.items():
        lines = [line.id for line in whole.claims[claim].lines]
        place = ("claims", claim, "lines")
        yield from _repeated(place, [line.id for line in rule.lines], lines)
    zones: list[tuple[tuple[str | int, ...], str]] = [
        *((("places", name), zone) for name, zone in part.places.items()),
        *((("holidays", at, "zone"), days.zone) for at, days in enumerate(part.holidays)),
    ]
    for where, zone in zones:
        try:
            zone_named(zone)
        except ZoneError as error:
            yield where, str(error)


def _unknown_names(part: RuleBook | Terms, whole: RuleBook) -> Iterator[Problem]:
    used: list[tuple[tuple[str | int, ...], str]] = [
        (("clocks", at, "starts", start_at), name)
        for at, clock in enumerate(part.clocks)
        for start_at, start in enumerate(clock.starts)
        for name in start.events
    ]
    if isinstance(part, RuleBook):
        used += [
            (("events", at, "also"), name) for at, kind in part.events.items() for name in kind.also
        ]
    clocks = {clock.id for clock in whole.clocks}
    for claim, rule in part.claims.items():
        for at, line in enumerate(rule.lines):
            here = ("claims", claim, "lines", at)
            used += [(here, name) for name in line.events]
            used += [(here, line.before)] if line.before is not None else []
            for name in line.by:
                if name not in clocks:
                    yield (*here, "by"), f"there is no clock {name!a}; define it under [[clocks]]"
    for place, name in used:
        if name not in whole.events:
            yield place, f"there is no event {name!a}; there are {', '.join(whole.events)}"


def _repeated(
    where: tuple[str, ...], ids: Sequence[str], all_ids: Sequence[str]
) -> Iterator[Problem]:
    for at, found in enumerate(ids):
        if all_ids.count(found) > 1:
            yield (*where, at, "id"), f"{found!a} occurs twice; give it an id of its own"
