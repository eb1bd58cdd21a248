"""A backup of a running service, restored elsewhere, is a service that goes on."""

import json
import shutil
from pathlib import Path

import pytest

from fault.commands import provenance
from fault.harness import Harness
from fault.submitters import documents
from fixtures.application import parcel
from fixtures.documents import pdf

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]


@pytest.mark.soak
async def test_a_restored_backup_of_a_busy_service_holds_everything_promised_before(
    tmp_path: Path,
) -> None:
    harness = Harness(tmp_path / "data")
    with harness.running():
        harness.capture(documents(5, events=20))
        harness.service.wait_for_anchor(harness.promised)
        promised_before = list(harness.promises)
        with harness.submitters.send(documents(60, events=10)):
            said = provenance("backup", tmp_path / "backup", data=harness.data_dir)
        assert "anchored up to" in said
        receipt = harness.receipt(promised_before[0].first_index)
    size = json.loads((tmp_path / "backup" / "manifest.json").read_text())["logs"][0]["size"]
    harness.data_dir.rename(tmp_path / "lost")

    said = provenance("restore", tmp_path / "backup", "--accept-loss", data=harness.data_dir)
    assert "log succeed" in said
    # What was promised after the dump is lost with the disk, and the submitters can prove it.
    harness.submitters.promises[:] = [p for p in harness.promises if p.end <= size]
    assert {p.note for p in promised_before} <= {p.note for p in harness.promises}
    with harness.running():
        harness.capture(documents(2, events=10))
        await harness.check()
        (tmp_path / "receipt.json").write_bytes(receipt)
        said = harness.verify(tmp_path / "receipt.json")
        assert "INVALID" not in said, said


@pytest.mark.soak
def test_a_backup_or_data_folder_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "data")
    with harness.running():
        harness.capture(documents(1, events=3))
    backup = tmp_path / "backup"
    provenance("backup", backup, data=harness.data_dir)
    assert "is there already" in provenance("backup", backup, data=harness.data_dir, code=5)
    assert "is not empty" in provenance(
        "restore", backup, "--accept-loss", data=harness.data_dir, code=5
    )
    assert backup.stat().st_mode & 0o777 == 0o700
    assert not [path for path in backup.rglob("*") if path.is_file() and path.stat().st_mode & 0o77]
    # Damage of any file is found before anything is written.
    for name in ("database.dump", next(iter((backup / "keys").iterdir())).relative_to(backup)):
        copy = tmp_path / "damaged"
        shutil.copytree(backup, copy)
        content = (copy / name).read_bytes()
        (copy / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        said = provenance("restore", copy, "--accept-loss", data=tmp_path / "new", code=5)
        assert f"{name} in the backup" in said
        (copy / name).unlink()
        assert "is missing" in provenance(
            "restore", copy, "--accept-loss", data=tmp_path / "new", code=5
        )
        shutil.rmtree(copy)
    (backup / "manifest.json").unlink()
    assert "holds no backup" in provenance(
        "restore", backup, "--accept-loss", data=tmp_path / "new", code=5
    )
    assert not list(tmp_path.glob("*new*"))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.soak
def test_a_document_comes_back_with_its_key(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "data")
    data = pdf(size=200_000)
    with harness.running(), harness.service.client() as client:
        answer = client.post(
            "/v1/documents", params={"subject": parcel(), "type": "380"}, content=data
        ).raise_for_status()
        provenance("backup", tmp_path / "backup", data=harness.data_dir)
    harness.data_dir.rename(tmp_path / "lost")
    provenance("restore", tmp_path / "backup", "--accept-loss", data=harness.data_dir)
    with harness.running(), harness.service.client() as client:
        assert client.get(answer.headers["location"]).content == data
        audit = ("log", "audit", "--database", "--trust", harness.data_dir / "trust.json")
        # No chain is named, so that anchors stay unknown; all else is checked.
        said = provenance(*audit, data=harness.data_dir, code=3)
        assert "contents        VALID" in said
        # Without the master key nothing can be opened, and the audit says which record.
        (harness.data_dir / "keys" / "sealing-1.master").unlink()
        said = provenance(*audit, data=harness.data_dir, code=1)
        first = answer.json()["first_index"]
        assert f"payload of record {first}" in said
        assert "sealing-1.master is missing" in " ".join(said.split())
