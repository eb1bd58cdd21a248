"""``provenance case`` against a running service, and a start with wrong terms."""

import json
from pathlib import Path

import pytest

from fixtures.commands import provenance
from fixtures.service import RunningService

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

TERMS = """v = 1
carrier = "Example Express"
[[clocks]]
id = "terms-notice"
title = "Notice by the carrier's terms"
carriage = "any"
claims = ["damage"]
effect = "complaint"
starts = [{ fact = "arrived_on" }]
period = { days = 3 }
source = "General terms, section 9"
counting = "Calendar days"
"""


@pytest.mark.soak
def test_a_case_is_opened_changed_shown_and_listed(tmp_path: Path) -> None:
    (tmp_path / "terms.toml").write_text(TERMS, encoding="utf-8")
    (tmp_path / "more.json").write_text(
        json.dumps({"zone": "Europe/Berlin", "facts": {"arrived_on": "2025-02-27"}}),
        encoding="utf-8",
    )
    terms = {"PROVENANCE_CARRIER_TERMS": str(tmp_path / "terms.toml")}
    with RunningService(tmp_path / "data", **terms) as service:
        service.wait_until_ready()
        env = {"PROVENANCE_DATA": str(service.data_dir)}

        def case(*arguments: object) -> str:
            done = provenance("case", *arguments, cwd=tmp_path, env=env)
            assert done.code == 0, done.err
            return done.out

        asked = "open", "damage", "WB 1", "--claimant", "Nora", "--with", "more.json", "--json"
        misspelt = provenance("case", *asked, cwd=tmp_path, env=env)
        assert misspelt.code == 1
        assert "nothing is recorded about" in misspelt.err
        assert "`--yes` opens the case all the same" in misspelt.err
        opened = json.loads(case(*asked, "--yes"))
        assert len(opened["unrecorded"]) == 1
        name = opened["case"]
        moved = case("act", name, "state_changed", "--to", "submitted", "--expect", 1)
        assert "submitted, next act 2" in moved
        assert "the same as before" in case(
            "act", name, "state_changed", "--to", "submitted", "--expect", 1
        )
        shown = case("show", name)
        # 27 February 2025 + 3 = 2 March.
        assert "Notice by the carrier's terms: 2025-03-02 (Europe/Berlin)" in shown
        assert "missing" in shown
        assert "not legal advice" in shown
        assert json.loads(case("show", name, "--json"))["state"] == "submitted"
        assert name in case("list", "--state", "submitted")
        why = ("--ground", "data_subject_request", "--author", "A. Officer", "--json")
        other = json.loads(case("open", "delay", "WB 1", "--claimant", "Bea", "--yes", "--json"))
        for kind, code in (("event", 1), ("act", 0)):
            done = provenance("erase", kind, other["first_index"], *why, cwd=tmp_path, env=env)
            assert done.code == code, done.err
        listed = case("list", "--shipment", "WB 1")
        assert f"{other['case']}  erased at 20" in listed
        assert "data_subject_request" in listed
        [_, gone] = json.loads(case("list", "--shipment", "WB 1", "--json"))
        assert (gone["case"], gone["state"]) == (other["case"], "erased")
        done = provenance("case", "show", other["case"], cwd=tmp_path, env=env)
        assert done.code == 1
        assert "the case was erased at" in done.err
        assert case("list", "--state", "closed") == ""
        refused = provenance(
            "case", "act", name, "state_changed", "--to", "opened", "--expect", 2,
            cwd=tmp_path, env=env,
        )  # fmt: skip
        assert refused.code == 1
        assert "collecting or accepted or rejected or withdrawn" in refused.err


def test_wrong_terms_stop_the_service_before_it_starts(tmp_path: Path) -> None:
    (tmp_path / "terms.toml").write_text(TERMS.replace("days = 3", "dais = 3"), encoding="utf-8")
    done = provenance(
        "run",
        cwd=tmp_path,
        env={
            "PROVENANCE_CARRIER_TERMS": str(tmp_path / "terms.toml"),
            "PROVENANCE_DATA": str(tmp_path / "data"),
        },
    )
    assert done.code == 5
    assert "terms.toml, line 10: clocks.0.period.dais: there is no such member" in done.err
    assert "did you mean 'days'" in done.err
    assert not (tmp_path / "data").exists()


def test_wrong_retention_stops_the_service_before_it_starts(tmp_path: Path) -> None:
    (tmp_path / "retention.toml").write_text("v = 1\ndefault = { dais = 3 }\n", encoding="utf-8")
    done = provenance(
        "run",
        cwd=tmp_path,
        env={
            "PROVENANCE_RETENTION": str(tmp_path / "retention.toml"),
            "PROVENANCE_DATA": str(tmp_path / "data"),
        },
    )
    assert done.code == 5
    assert done.err.startswith("error: ")
    assert "retention.toml, line 2: default.dais" in done.err
    assert not (tmp_path / "data").exists()
