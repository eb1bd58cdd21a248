"""What the command line says before it does anything."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from provenance import __version__
from provenance.cli import mistaken
from provenance.cli.main import app
from provenance.cli.remote import problem
from provenance.cli.wording import counted
from provenance.core.trustfile import TrustFile

COMMANDS = [
    ["run"],
    ["demo"],
    ["capture"],
    ["receipt"],
    ["verify"],
    ["document", "add"],
    ["document", "get"],
    ["document", "list"],
    ["document", "types"],
    ["log", "audit"],
    ["log", "succeed"],
    ["keys", "create"],
    ["keys", "list"],
    ["keys", "revoke"],
    ["db", "upgrade"],
    ["erase", "document"],
    ["erase", "event"],
    ["erase", "subject"],
    ["erase", "file"],
    ["erase", "due"],
    ["erase", "list"],
    ["erase", "show"],
    ["case", "open"],
    ["case", "act"],
    ["case", "show"],
    ["case", "list"],
]


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    """A trust file that trusts nobody."""
    path = tmp_path / "trust.json"
    path.write_bytes(TrustFile(operator="Nobody", logs=()).encode())
    return path


def test_the_version_is_the_packages() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"provenance {__version__}\n")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: list[str]) -> None:
    done = CliRunner().invoke(app, [*command, "--help"])
    assert done.exit_code == 0
    assert len(done.output.splitlines()) > 5


def test_what_verifies_starts_without_database_web_server_and_chain_client() -> None:
    code = (
        "import sys, provenance.cli.main, provenance.verify.service, provenance.verify.chain;"
        "print([name for name in ('sqlalchemy', 'psycopg', 'web3', 'fastapi', 'pydantic',"
        " 'alembic', 'structlog', 'msgspec', 'aiohttp') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--url", "http://log.example", "--database"],
        ["--url", "http://log.example", "--nonsense"],
    ],
)
def test_an_audit_of_nothing_or_of_two_things_is_wrong_usage(
    trust: Path, arguments: list[str]
) -> None:
    done = CliRunner().invoke(app, ["log", "audit", "--trust", str(trust), *arguments])
    assert done.exit_code == 2


def test_an_audit_of_a_service_that_does_not_answer_is_unknown(trust: Path) -> None:
    done = CliRunner().invoke(
        app, ["log", "audit", "--url", "http://127.0.0.1:9", "--trust", str(trust)]
    )
    assert done.exit_code == 3
    assert "could not be read (ConnectError)" in done.output
    assert "size 0" not in done.output


@pytest.mark.parametrize(
    "command", [["keys", "list"], ["db", "upgrade"], ["log", "audit", "--database"]], ids=" ".join
)
@pytest.mark.parametrize("url", ["postgresql://nobody:secret@127.0.0.1:9/none", "nonsense secret"])
def test_a_database_that_does_not_answer_is_one_line(
    trust: Path, tmp_path: Path, command: list[str], url: str
) -> None:
    if command[0] == "log":
        command = [*command, "--trust", str(trust)]
    done = CliRunner().invoke(
        app, command, env={"DATABASE_URL": url, "PROVENANCE_DATA": str(tmp_path)}
    )
    assert done.exit_code == 5
    assert done.output.startswith("error: the database could not be used: ")
    assert done.output.count("\n") == 1
    assert "nobody:secret" not in done.output


def test_a_malformed_trust_file_ends_an_audit_with_one_line(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    path.write_text("{}")
    done = CliRunner().invoke(
        app, ["log", "audit", "--url", "http://127.0.0.1:9", "--trust", str(path)]
    )
    assert done.exit_code == 4
    assert done.output == f"error: {path} is not a trust file: /v: is required\n"


def test_a_command_on_a_database_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app,
        ["keys", "list"],
        env={"PROVENANCE_DATA": str(tmp_path / "none"), "DATABASE_URL": None},
    )
    assert done.exit_code == 5
    assert "start the service once" in done.output
    assert not (tmp_path / "none").exists()


def test_without_credentials_it_says_where_they_are_looked_for(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text("{}")
    done = CliRunner().invoke(
        app,
        ["capture", str(event)],
        env={"PROVENANCE_DATA": str(tmp_path), "PROVENANCE_KEY": None, "PROVENANCE_URL": None},
    )
    assert done.exit_code == 2
    assert f"there is no {tmp_path / 'credentials.json'}" in done.output
    assert "set PROVENANCE_DATA" in done.output
    assert "--url and --key" in done.output


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            {"detail": "/a: is odd", "errors": [{"pointer": "/a", "detail": "is odd"}]},
            "/a: is odd",
        ),
        (
            {
                "detail": "/a: is odd (and 5 more)",
                "errors": [{"pointer": f"/{name}", "detail": "is odd"} for name in "abcdef"],
            },
            "/a: is odd; /b: is odd; /c: is odd; /d: is odd; /e: is odd; and 1 more",
        ),
        (
            {"detail": "type: no code", "errors": [{"parameter": "type", "detail": "no code"}]},
            "type: no code",
        ),
        ({"detail": "not JSON", "errors": [{"pointer": "", "detail": "not JSON"}]}, "not JSON"),
        ({"detail": "busy"}, "busy"),
        ({"nothing": "known"}, "status 400"),
        (["no", "object"], "status 400"),
    ],
)
def test_each_reason_of_a_refusal_is_told_once(body: object, said: str) -> None:
    assert problem(httpx.Response(400, json=body)) == said


@pytest.mark.parametrize("block", ["ab", "x:" + "ab" * 32, "-1:" + "ab" * 32, ":" + "ab" * 32])
def test_a_block_that_is_no_hash_is_wrong_usage(tmp_path: Path, block: str) -> None:
    path = tmp_path / "case.zip"
    path.write_bytes(b"PK")
    done = CliRunner().invoke(app, ["verify", str(path), "--block", block])
    assert done.exit_code == 2
    assert "64 hexadecimal digits, or NUMBER:HASH" in done.output


def test_a_file_that_is_no_dossier_is_malformed_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "case.zip"
    path.write_bytes(b"PK\x03\x04 and nothing more")
    done = CliRunner().invoke(app, ["verify", str(path)])
    assert done.exit_code == 4
    assert done.output.endswith("\nINVALID: it is no dossier\n")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"%PDF-1.7 a waybill", "is neither a dossier nor a receipt\n"),
        (b'{"operator": "x", "logs": []}', "nor a receipt: this is a trust file"),
        (b"%PDF" + bytes(5 << 20), "is neither a dossier nor a receipt\n"),
    ],
    ids=["PDF", "trust file", "large"],
)
@pytest.mark.parametrize("option", ["--block", "--tsa"])
def test_what_is_neither_a_dossier_nor_a_receipt_is_said_to_be_neither(
    tmp_path: Path, data: bytes, said: str, option: str
) -> None:
    path = tmp_path / "awb.pdf"
    path.write_bytes(data)
    value = "ab" * 32 if option == "--block" else str(path)
    done = CliRunner().invoke(app, ["verify", str(path), option, value])
    assert done.exit_code == 4
    assert said in done.output


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"PK\x03\x04...", mistaken.DOSSIER),
        (b'{"captureID": "1", "acknowledgement": "log"}', mistaken.ANSWER),
        (b'{"epcisBody": {}}', mistaken.PAYLOAD),
        (b'{"entry": 1, "path": 2, "checkpoint": 3}', None),
        (b"log.example\n3\nnot signed\n", None),
        (b"[1]", None),
        (b"[" * 100_000, None),
        (b"\xff\xd8\xff", None),
        (b"", None),
    ],
)
def test_a_file_in_the_place_of_a_receipt_is_named_where_it_looks_like_something(
    data: bytes, said: str | None
) -> None:
    assert mistaken.advice(data, instead_of=mistaken.RECEIPT) == said


def test_a_key_of_the_data_folder_is_not_sent_to_another_service(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text(
        '{"api_url":"http://127.0.0.1:8080","rpc_url":"","keys":{"carrier":"secret"}}'
    )
    event = tmp_path / "event.json"
    event.write_text("{}")
    done = CliRunner().invoke(
        app,
        ["capture", str(event), "--url", "http://elsewhere.example"],
        env={"PROVENANCE_DATA": str(tmp_path), "PROVENANCE_KEY": None},
    )
    assert done.exit_code == 2
    assert "give --key" in done.output


def test_a_data_folder_that_is_a_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("{}")
    done = CliRunner().invoke(app, ["run"], env={"PROVENANCE_DATA": str(tmp_path / "file")})
    assert done.exit_code == 5
    assert "Errno" not in done.output
    assert f"{tmp_path / 'file'}" in done.output
    assert "see to it that it can be used, or name another" in done.output


def test_a_setting_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app,
        ["keys", "list"],
        env={"PROVENANCE_DATA": str(tmp_path), "PROVENANCE_API_PORT": "seventy"},
    )
    assert done.exit_code == 2
    assert done.output.startswith("error: setting ")
    assert done.output.count("\n") == 1


@pytest.mark.parametrize(
    "address", ["nonsense", "ftp://x", "http://", "http://[", "https://x:0", ""]
)
@pytest.mark.parametrize(
    ("command", "option"),
    [
        (["verify", __file__], "--rpc"),
        (["log", "audit", "--trust", __file__], "--rpc"),
        (["log", "audit", "--trust", __file__], "--url"),
        (["capture", __file__], "--url"),
    ],
    ids=["verify", "audit's chain", "audit", "capture"],
)
def test_an_address_that_is_none_is_wrong_usage_and_the_option_named(
    command: list[str], option: str, address: str
) -> None:
    done = CliRunner().invoke(app, [*command, option, address])
    assert done.exit_code == 2, done.output
    assert f"Invalid value for '{option}'" in done.output
    assert "http://" in done.output


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["X", "foo"], "role"),
        (["", "admin"], "organisation"),
        (["X", "admin", "--label="], "label"),
    ],
)
def test_a_key_that_cannot_be_is_wrong_usage(arguments: list[str], named: str) -> None:
    done = CliRunner().invoke(app, ["keys", "create", *arguments])
    assert done.exit_code == 2, done.output
    assert done.output.startswith(f"error: {named}: ")


@pytest.mark.parametrize(("number", "said"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_one_of_something_is_not_several(number: int, said: str) -> None:
    assert counted(number, "file") == said
