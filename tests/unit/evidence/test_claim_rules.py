"""The rules file: complete, sourced; and a carrier's terms, which are refused with line and remedy."""

from pathlib import Path

import pytest

from fixtures.claims import clock, event
from provenance.evidence.checklist import fill_checklist
from provenance.evidence.errors import RulesError
from provenance.evidence.facts import Holdings
from provenance.evidence.rules import built_in_rules, load_rules
from provenance.evidence.rules.loading import read_terms
from provenance.evidence.rules.model import CLAIM_TYPES

HEAD = 'v = 1\ncarrier = "x"\n'
CLOCK = """[[clocks]]
id = "terms-a"
title = "A"
carriage = "any"
claims = ["damage"]
effect = "action"
starts = [{ event = "delivered" }]
period = { days = 3 }
source = "s"
counting = "c"
"""


def test_every_claim_type_has_required_lines_and_every_rule_a_source() -> None:
    rules = built_in_rules()
    assert set(rules.claims) == set(CLAIM_TYPES)
    for claim in rules.claims.values():
        assert any(line.need == "required" for line in claim.lines)
        assert all(line.source and line.reason for line in claim.lines)
    assert all(rule.source and rule.counting for rule in rules.clocks)


def test_the_limit_by_air_is_26_sdr_since_28_december_2024() -> None:
    limit = next(rule for rule in built_in_rules().limits if rule.id == "montreal-22-3")
    assert [(f"{rate.since}", f"{rate.sdr_per_kg}") for rate in limit.rates][-2:] == [
        ("2019-12-28", "22"),
        ("2024-12-28", "26"),
    ]


def test_terms_add_to_the_rules_and_change_none() -> None:
    rules = built_in_rules()
    more = '[events.delivered]\nmatch = [{ biz_step = "https://x.example/done" }]\n'
    joined = read_terms(HEAD + more + CLOCK, rules, path="terms.toml")
    assert joined.clocks[: len(rules.clocks)] == rules.clocks
    assert joined.clock("terms-a").period.days == 3
    assert [match.biz_step for match in joined.events["delivered"].match][-1] == (
        "https://x.example/done"
    )
    assert built_in_rules().events["delivered"] == rules.events["delivered"]


HANDED_OVER = """[events.delivered]
match = [{ biz_step = "https://example.com/steps/handed-over" }]
"""


def test_a_carriers_word_for_the_delivery_places_the_goods_at_disposal() -> None:
    rules = read_terms(HEAD + HANDED_OVER, built_in_rules(), path="terms.toml")
    handed_over = event(
        "https://example.com/steps/handed-over", "2026-11-12T23:30:00+01:00", index=7
    )
    claim = "delay"
    # 12 November 2026 in Berlin + 21 = 3 December; a year: 12 November 2027.
    for clock_id, expected in (
        ("montreal-31-delay", "2026-12-03"),
        ("cmr-30-3-delay", "2026-12-03"),
        ("cmr-32-delivered", "2027-11-12"),
    ):
        found = clock(clock_id, claim, handed_over, zone="Europe/Berlin", rules=rules)
        assert found.last_day == expected
    holdings = Holdings(events=(handed_over,))
    lines = {one.id: one for one in fill_checklist(rules, claim, holdings, [], now=0)}
    assert lines["delivered"].state == "present"
    # Without the terms nobody knows the word.
    assert clock("cmr-30-3-delay", claim, handed_over).state == "not_computable"


def test_goods_that_wait_to_be_fetched_are_at_disposal_before_their_delivery() -> None:
    waiting = event("urn:provenance:milestone:at-disposal", "2026-11-10T12:00:00Z", index=6)
    fetched = event("accepting", "2026-11-12T12:00:00Z", index=7)
    # 10 November + 21 = 1 December.
    assert clock("cmr-30-3-delay", "delay", waiting, fetched).last_day == "2026-12-01"
    assert clock("cmr-30-3-delay", "delay", fetched).last_day == "2026-12-03"


LINE = '{ id = "terms-l", title = "t", need = "required", reason = "r", source = "s"'


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("v = 1\ncarrier = ", 2, "is not TOML"),
        ("v = 1\ncarrier = x\n[places]", 2, "is not TOML.*correct it"),
        ("v = 2\ncarrier = 'x'", 1, "v: Input should be 1"),
        ("v = 1\n", None, "carrier: is required; add it"),
        (HEAD + "carier = 1", 3, "carier: there is no such member; did you mean 'carrie"),
        (HEAD + CLOCK.replace("days", "dayz"), 10, "period.dayz.*did you mean 'days'"),
        (HEAD + CLOCK.replace("days = 3", "days = 3, years = 1"), 10, "exactly one of days"),
        (HEAD + CLOCK.replace("days = 3", "days = 3.5"), 10, "valid integer"),
        (HEAD + CLOCK.replace('"terms-a"', '"montreal-35"'), 4, "begins with 'terms-'"),
        (HEAD + CLOCK.replace('"delivered"', '"arrived"'), 9, "there is no event 'arrived'"),
        (HEAD + CLOCK + CLOCK, 4, "occurs twice"),
        (HEAD + '[events.gone]\nmatch = [{ biz_step = "x" }]', 3, "there is no such event"),
        (HEAD + "[events.delivered]\nmatch = [{}]", 4, "matches every event"),
        (HEAD + '[places]\n"https://x" = "Mars/Base"', 4, "no time zone"),
        (HEAD + f"[claims.damage]\nlines = [\n  {LINE} }},\n]", 5, "nothing could fill it"),
        (
            HEAD + f'[claims.damage]\nlines = [\n  {LINE}, documents = ["3x"] }},\n]',
            5,
            "should match pattern",
        ),
        (HEAD + f'[claims.theft]\nlines = [\n  {LINE}, media = ["a/"] }},\n]', 3, "claims.theft"),
    ],
)
def test_wrong_terms_are_refused_with_line_and_remedy(
    text: str, line: int | None, message: str
) -> None:
    with pytest.raises(RulesError, match=message) as caught:
        read_terms(text, built_in_rules(), path="terms.toml")
    assert caught.value.line == line
    assert str(caught.value).startswith("terms.toml")


def test_a_file_that_cannot_be_read_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="PROVENANCE_CARRIER_TERMS"):
        load_rules(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RulesError, match="UTF-8"):
        load_rules(tmp_path / "bad.toml")
    (tmp_path / "good.toml").write_text(HEAD + CLOCK, encoding="utf-8")
    assert load_rules(tmp_path / "good.toml").clock("terms-a")
