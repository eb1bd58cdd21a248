"""``provenance log audit`` against a service as it runs, by URL and by database."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fixtures.commands import Done, provenance
from fixtures.service import RunningService
from provenance.demo.bulk import bulk_events, in_documents
from provenance.embedded.postgres import EmbeddedPostgres

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A service with some events, anchored."""
    folder = tmp_path_factory.mktemp("audit")
    now = time.time_ns() // 1_000_000
    events = bulk_events(60, seed=7, start=now - 3_600_000)
    for number, data in enumerate(in_documents(events, at=now, events_per_document=20)):
        (folder / f"events-{number}.json").write_bytes(data)
    with RunningService(folder / "data") as running:
        running.wait_until_ready()
        done = command(running, "capture", *sorted(folder.glob("events-*.json")))
        assert done.code == 0, done
        again = command(running, "capture", *sorted(folder.glob("events-*.json")))
        assert again.out.count("the same as before") == 3
        wait_until_all_is_anchored(running)
        yield running


def wait_until_all_is_anchored(running: RunningService) -> None:
    with psycopg.connect(dsn(running)) as connection:
        row = connection.execute("SELECT max(size) FROM log_heads").fetchone()
    assert row is not None
    running.wait_for_anchor(row[0])


def dsn(running: RunningService) -> str:
    """The running service's own database."""
    return asyncio.run(EmbeddedPostgres(running.data_dir).start()).dsn


def command(running: RunningService, *arguments: object) -> Done:
    return provenance(
        *arguments,
        cwd=running.data_dir.parent,
        env={"PROVENANCE_DATA": str(running.data_dir), "RPC_URL": running.credentials.rpc_url},
    )


def audit(running: RunningService, *arguments: object) -> Done:
    trust = running.data_dir / "trust.json"
    return command(running, "log", "audit", "--trust", trust, *arguments)


def test_an_auditor_finds_a_sound_log_clean_by_url_and_by_database(
    service: RunningService,
) -> None:
    credentials = service.credentials
    by_url = audit(service, "--url", credentials.api_url, "--key", credentials.keys["auditor"])
    assert by_url.code == 0, by_url
    assert "VALID" in by_url.out
    assert "under the operator's control" in by_url.out
    by_database = audit(service, "--database")
    assert by_database.code == 0, by_database
    assert "UNKNOWN" not in by_database.out


@pytest.mark.soak
def test_a_stranger_is_told_what_could_not_be_checked(service: RunningService) -> None:
    done = audit(service, "--url", service.credentials.api_url)
    assert done.code == 3
    assert "\nUNKNOWN: entries, trails: entries are for auditors: an auditor's API key" in done.out
    assert "with --key or in PROVENANCE_KEY" in done.out
    assert "INVALID" not in done.out


def test_a_key_that_was_made_and_revoked_on_the_command_line(service: RunningService) -> None:
    made = command(service, "keys", "create", "An auditor", "auditor")
    token = made.out.strip()
    listed = json.loads(command(service, "keys", "list", "--json").out)
    key_id = next(key["key_id"] for key in listed if key["organisation"] == "An auditor")
    url = service.credentials.api_url
    assert audit(service, "--url", url, "--key", token).code == 0
    assert command(service, "keys", "revoke", key_id).code == 0
    with service.client() as client:
        client.headers["authorization"] = f"Bearer {token}"
        deadline = time.monotonic() + 60
        while client.get("/v1/log/tile/entries/000.p/1").status_code == 200:
            assert time.monotonic() < deadline
    done = audit(service, "--url", url, "--key", token)
    assert done.code == 3
    assert "an auditor's is needed" in done.out


def test_a_payload_that_was_altered_is_named(service: RunningService) -> None:
    alter = "UPDATE records SET payload = set_byte(payload, 9, get_byte(payload, 9) # 1)"
    with psycopg.connect(dsn(service), autocommit=True) as connection:
        connection.execute(f"{alter} WHERE first_index = 0".encode())
        try:
            done = audit(service, "--database", "--json")
        finally:
            connection.execute(f"{alter} WHERE first_index = 0".encode())
    report = json.loads(done.out)
    assert done.code == 1
    assert [finding["object"] for finding in report["findings"]] == ["payload of record 0"]


@pytest.mark.soak
def test_a_folder_of_receipts_that_was_fetched_is_valid(
    service: RunningService, tmp_path: Path
) -> None:
    fetched = command(service, "receipt", "--index", "3", "--out", tmp_path)
    assert fetched.code == 0, fetched
    trust = service.data_dir / "trust.json"
    done = command(service, "verify", *tmp_path.glob("entry-*.json"), "--trust", trust)
    assert done.code == 0, done
