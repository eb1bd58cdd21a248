"""``provenance dossier write`` against a running service, and the file verified without it."""

import json
import zipfile
from pathlib import Path

import pytest

from fixtures.application import event, parcel
from fixtures.commands import Done, provenance
from fixtures.documents import pdf
from fixtures.service import RunningService

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(600)]


def closing_block(folder: Path, name: str) -> str:
    """Hash of the closing block as a demonstration may take it: out of the dossier itself."""
    done = provenance("verify", name, "--json", cwd=folder)
    assert done.code == 3, done.err
    with zipfile.ZipFile(folder / name) as file:
        closing = json.loads(file.read("evidence/closing.json"))
    block: str = closing["anchor"]["block_hash"]
    return block


def test_a_dossier_is_written_waited_for_and_verified_with_the_service_stopped(
    tmp_path: Path,
) -> None:
    epc = parcel()
    with RunningService(tmp_path / "data") as service:
        service.wait_until_ready()
        env = {"PROVENANCE_DATA": str(service.data_dir)}

        def run(*arguments: object, code: int = 0) -> Done:
            done = provenance(*arguments, cwd=tmp_path, env=env)
            assert done.code == code, done.err
            return done

        with service.client("carrier") as client:
            assert client.post("/epcis/events", json=event(epc)).status_code == 201
        (tmp_path / "report.pdf").write_bytes(pdf(mark="report"))
        run("document", "add", "report.pdf", "--subject", epc, "--type", "293")
        case = json.loads(run("case", "open", "damage", epc, "--claimant", "Nora", "--json").out)[
            "case"
        ]
        done = run("dossier", "write", "--case", case, "--out", "case.zip", "--wait", 60)
        assert "case.zip: 1 document, 2 whole trails, closed by block" in done.out
        again = run("dossier", "write", "--case", case, "--out", "case.zip", code=2)
        assert "is there already" in again.err
        run(
            "dossier", "write", "--shipment", epc, "--out", "part.zip", "--record", 0, "--wait", 60,
        )  # fmt: skip
        nothing = run("dossier", "write", "--case", "0" * 32, "--out", "no.zip", code=1)
        assert "there is no such case" in nothing.err
        both = run("dossier", "write", "--out", "no.zip", code=2)
        assert "--case or --shipment" in both.err
        wrong = run(
            "dossier", "write", "--shipment", epc, "--out", "no.zip", "--field", "bizStep", code=2
        )
        assert "INDEX:/POINTER" in wrong.err
        trust = (service.data_dir / "trust.json").read_bytes()
        # What wrote them waits for more, and is gone with the service, however that ends.
        assert service.child("provenance.api.dossiers").is_running()
        service.kill()
    assert not list(tmp_path.glob("*no.zip*"))
    assert not list(tmp_path.glob(".*.zip.*"))
    (tmp_path / "trust.json").write_bytes(trust)
    for name, said in (("case.zip", "dossier of 4 entries"), ("part.zip", "place and order only")):
        block = closing_block(tmp_path, name)
        done = provenance("verify", name, "--trust", "trust.json", "--block", block, cwd=tmp_path)
        assert done.code == 0, done.out
        assert said in done.out
        flipped = bytearray((tmp_path / name).read_bytes())
        flipped[len(flipped) // 2] ^= 1
        (tmp_path / "flipped.zip").write_bytes(flipped)
        done = provenance(
            "verify", "flipped.zip", "--trust", "trust.json", "--block", block, cwd=tmp_path
        )
        assert done.code in {1, 4}, done.out
