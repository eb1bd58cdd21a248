"""``provenance run`` on a data folder that has lost its database, and then a key."""

import json
import shutil
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from fixtures.application import document, event, parcel
from fixtures.service import RunningService
from provenance.cli.main import app

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(600)]

LD_JSON = {"content-type": "application/ld+json"}


def new_event() -> bytes:
    return json.dumps(document(event(parcel()))).encode()


def capture(client: httpx.Client, sent: bytes) -> int:
    """Log one event; returns its index."""
    answer = client.post("/epcis/capture", content=sent, headers=LD_JSON)
    assert answer.status_code == 202, answer.text
    return int(answer.json()["first_index"])


def fetched(client: httpx.Client, index: int, path: Path) -> Path:
    answer = client.get(f"/v1/receipts/{index}")
    assert answer.status_code == 200, answer.text
    path.write_bytes(answer.content)
    return path


def test_a_lost_database_comes_back_from_the_copies_and_a_lost_key_from_a_backup_only(
    tmp_path: Path,
) -> None:
    data, published = tmp_path / "data", tmp_path / "trust.json"
    known = new_event()
    with RunningService(data) as service:
        service.wait_until_ready()
        with service.client() as client:
            index = capture(client, known)
            service.wait_for_anchor(index + 1)
            old = fetched(client, index, tmp_path / "old.json")
    shutil.copy(data / "trust.json", published)
    shutil.rmtree(data / "postgres")

    with RunningService(data) as service:
        service.wait_until_ready()
        assert (data / "trust.json").read_bytes() == published.read_bytes()
        with service.client() as client:
            assert capture(client, known) == index
            again = capture(client, new_event())
            assert again > index
            service.wait_for_anchor(again + 1)
            new = fetched(client, again, tmp_path / "new.json")
        given = ["--trust", str(published), "--rpc", service.credentials.rpc_url]
        done = CliRunner().invoke(app, ["verify", str(old), str(new), *given])
        assert done.exit_code == 0, done.output

    [key] = (data / "keys").glob("log-*.ed25519")
    key.unlink()
    done = CliRunner().invoke(
        app,
        ["run"],
        env={"PROVENANCE_DATA": str(data), "DATABASE_URL": None, "RPC_URL": None},
    )
    assert done.exit_code == 5, done.output
    line = done.output.splitlines()[-1]
    assert f"{key} is missing" in line
    assert line.endswith("(key-missing)")
    assert (data / "trust.json").read_bytes() == published.read_bytes()
