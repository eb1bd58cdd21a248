"""``provenance erase`` on the whole service, and a backup from before that is restored."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from fixtures.application import event, parcel
from fixtures.commands import Done, provenance
from fixtures.documents import pdf
from fixtures.erasing import LD, canary, places_of
from fixtures.service import PATIENCE, RunningService
from provenance.embedded.cluster import find_programs

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(900)]

WHY = ("--ground", "data_subject_request", "--author", "A. Officer", "--note", "ticket 4711")


def command(data: Path, *arguments: object, code: int = 0) -> Done:
    done = provenance(*arguments, cwd=data.parent, env={"PROVENANCE_DATA": str(data)})
    assert done.code == code, (done.out, done.err)
    return done


def record(service: RunningService, about: str, word: str) -> tuple[int, int, int]:
    """An event that stays, an event and a document that say ``word``: their first indexes."""
    with service.client() as client:
        kept = client.post("/epcis/events", json=event(about), headers=LD)
        said = event(about, eventID=f"urn:example:{word}")
        gone = client.post(
            "/epcis/events", json=said, headers={**LD, "idempotency-key": f"key-{word}"}
        )
        document = client.post(
            "/v1/documents",
            params={"subject": about, "type": "380", "filename": f"{word}.pdf"},
            content=pdf(size=100_000, mark=word),
            headers={"content-type": "application/pdf"},
        )
    assert (kept.status_code, gone.status_code, document.status_code) == (201, 201, 201)
    found = (kept.json(), gone.json(), document.json())
    return found[0]["first_index"], found[1]["first_index"], found[2]["first_index"]


def until_purged(data: Path, erasure: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        done = provenance(
            "erase", "show", erasure, "--json",
            cwd=data.parent, env={"PROVENANCE_DATA": str(data)},
        )  # fmt: skip
        shown: dict[str, Any] = json.loads(done.out)
        if shown["state"] == "purged":
            assert done.code == 0
            return shown
        assert done.code == 1
        time.sleep(0.5)
    raise AssertionError(f"something is left: {shown}")


def dumped(backup: Path) -> bytes:
    """The dump of a backup, as SQL."""
    program = str(find_programs()["pg_restore"])
    return subprocess.run(
        [program, "--file=-", str(backup / "database.dump")], capture_output=True, check=True
    ).stdout


def test_a_backup_from_before_an_erasure_does_not_bring_it_back(tmp_path: Path) -> None:
    data, about, word = tmp_path / "data", parcel(), canary()
    early, fresh = tmp_path / "early", tmp_path / "fresh"
    with RunningService(data) as service:
        service.wait_until_ready()
        kept, gone, document = record(service, about, word)
        service.wait_for_anchor(document + 1)
        command(data, "backup", early)
        assert word.encode() in dumped(early)
        assert places_of(word, early), "batches hold it"

        shown = command(data, "erase", "subject", about, *WHY, "--dry-run").out
        assert shown.count("would go") == 3
        command(data, "erase", "event", document, *WHY, code=1)
        requested = tmp_path / "request.txt"
        requested.write_text(f"# ticket 4711\n{gone}\n{document}  # invoice\n", encoding="utf-8")
        answer = json.loads(command(data, "erase", "file", requested, *WHY, "--json").out)
        [erasure] = answer["erasures"]
        shown = until_purged(data, erasure["id"])
        assert len(shown["leaves"]) == 2
        assert erasure["id"] in command(data, "erase", "list").out
        again = command(data, "erase", "event", gone, *WHY, code=1)
        assert "erased already" in again.err

        fetched = tmp_path / "receipts"
        told = command(data, "receipt", "--subject", about, "--out", fetched, "--payloads").out
        assert {path.name for path in fetched.iterdir()} == {
            *(f"entry-{index}.json" for index in (kept, gone, document, shown["first_index"])),
            *(f"payload-{index}" for index in (kept, shown["first_index"])),
        }
        for index, what in ((gone, "event"), (document, "document")):
            assert f"record {index} has no payload here: the {what}'s content was erased at" in told
        assert told.count("ground data_subject_request") == 2
        key = command(data, "keys", "create", "Somebody else", "member").out.strip()
        told = command(
            data, "receipt", "--subject", about, "--out", tmp_path / "member", "--payloads",
            "--key", key, "--url", service.credentials.api_url,
        ).out  # fmt: skip
        assert told.count("has no payload here") == 3
        assert f"record {shown['first_index']} has no payload here: there is no such" in told

        assert places_of(word, data) == set()
        command(data, "backup", fresh)
        assert places_of(word, fresh) == set()
        assert word.encode() not in dumped(fresh)
        service.wait_for_anchor(shown["first_index"] + 1)
        audit(service, data)
    newest = data / "keys" / "erasures"
    assert b"Officer" not in newest.read_bytes()

    back = tmp_path / "back"
    command(back, "restore", early, "--erasures", newest, "--accept-loss")
    assert places_of(word, back) == set()
    with RunningService(back) as service:
        service.wait_until_ready()
        with service.client("admin") as client:
            assert client.get(f"/v1/documents/{document}").status_code == 410
            assert client.get(f"/epcis/events/urn:example:{word}").status_code == 404
            assert client.get(f"/v1/receipts/{kept}").json()["statement"]["subject"] == about
        until_purged(back, erasure["id"])
        # The erasure record was lost with the backup's time; it is in the log again.
        with service.client("admin") as client:
            recorded = client.get(f"/v1/erasures/{erasure['id']}").json()["first_index"]
        service.wait_for_anchor(recorded + 1)
        audit(service, back)
        assert places_of(word, back) == set()


@pytest.mark.soak
def test_a_service_that_is_killed_while_it_erases_goes_on_at_the_next_start(
    tmp_path: Path,
) -> None:
    data, word = tmp_path / "data", canary()
    with RunningService(data) as service:
        service.wait_until_ready()
        _, gone, document = record(service, parcel(), word)
        requested = tmp_path / "request.txt"
        requested.write_text(f"{gone}\n{document}\n", encoding="utf-8")
        answer = json.loads(command(data, "erase", "file", requested, *WHY, "--json").out)
        service.kill()
    [erasure] = answer["erasures"]
    with RunningService(data) as service:
        service.wait_until_ready()
        shown = until_purged(data, erasure["id"])
        assert places_of(word, data) == set()
        service.wait_for_anchor(shown["first_index"] + 1)
        audit(service, data)


def audit(service: RunningService, data: Path) -> None:
    """Nothing is wrong, by URL and by database."""
    trust, rpc = data / "trust.json", service.credentials.rpc_url
    url, key = service.credentials.api_url, service.credentials.keys["auditor"]
    for how in (("--database",), ("--url", url, "--key", key)):
        command(data, "log", "audit", *how, "--trust", trust, "--rpc", rpc)
