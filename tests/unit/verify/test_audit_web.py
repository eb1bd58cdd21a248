"""A service that answers with nonsense, or not at all: UNKNOWN with a reason, never an exception."""

import json

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance.core.notes import Checkpoint, Signer, sign_note
from provenance.core.tree import EMPTY_ROOT
from provenance.core.trustfile import TrustedLog, TrustFile
from provenance.core.verdict import Outcome
from provenance.verify.audit.published import audit_published
from provenance.verify.audit.report import AuditReport
from provenance.verify.audit.web import WebLog
from provenance.verify.errors import LogReadError

ORIGIN = "log.example/web"
SIGNER = Signer(name=ORIGIN, private_key=Ed25519PrivateKey.from_private_bytes(bytes(32)))
TRUST = TrustFile(
    operator="A test",
    logs=(
        TrustedLog(
            origin=ORIGIN,
            keys=(SIGNER.verifier(),),
            chain_id=1,
            genesis_hash=bytes(32),
            contract=bytes(20),
            code_hash=bytes(32),
            start=0,
        ),
    ),
)
NOTE = sign_note(Checkpoint(ORIGIN, 300, EMPTY_ROOT).text(), [SIGNER])
LIST = {"origin": ORIGIN, "checkpoints": [{"size": 300, "checkpoint": NOTE}]}
Answers = dict[str, httpx.Response | Exception]


def served(answers: Answers) -> WebLog:
    """A service that gives these answers, and 404 for everything else."""

    def answer(request: httpx.Request) -> httpx.Response:
        found = answers.get(request.url.path.removeprefix("/v1/log/"), httpx.Response(404))
        if isinstance(found, Exception):
            raise found
        return httpx.Response(found.status_code, content=found.content)

    return WebLog("http://log.example/", key="key", transport=httpx.MockTransport(answer))


async def audit(answers: Answers) -> AuditReport:
    async with served(answers) as log:
        return await audit_published(log, trust=TRUST, rpc_url=None)


def outcomes(report: AuditReport) -> dict[str, Outcome]:
    return {verdict.check: verdict.outcome for verdict in report.verdicts}


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500),
        httpx.Response(302, headers={"location": "http://elsewhere.example"}),
        httpx.Response(401),
        httpx.Response(404),
        httpx.Response(200, content=b"x" * 20_000_000),
        httpx.ReadTimeout("late"),
        httpx.RemoteProtocolError("gone"),
    ],
    ids=["broken", "moved", "denied", "empty", "endless", "late", "gone"],
)
async def test_without_a_checkpoint_nothing_is_known(answer: httpx.Response | Exception) -> None:
    report = await audit({"checkpoint": answer})
    assert outcomes(report) == {"checkpoints": Outcome.UNKNOWN}


@pytest.mark.parametrize("note", [b"", b"hello", NOTE.replace("300", "301").encode(), b"\xff\xfe"])
async def test_a_checkpoint_that_nobody_signed_is_wrong(note: bytes) -> None:
    report = await audit({"checkpoint": httpx.Response(200, content=note)})
    assert report.outcome in (Outcome.INVALID, Outcome.UNKNOWN)
    assert outcomes(report).keys() == {"checkpoints"}


@pytest.mark.parametrize(
    "listed",
    [
        b"hello",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"checkpoints":7}',
        b'{"checkpoints":[{"size":"1","checkpoint":""}]}',
        b'{"checkpoints":[],"next_above":"x"}',
        b'{"checkpoints":[],"next_above":0}',
    ],
)
async def test_a_list_that_makes_no_sense_is_unknown(listed: bytes) -> None:
    report = await audit(
        {
            "checkpoint": httpx.Response(200, content=NOTE.encode()),
            "checkpoints": httpx.Response(200, content=listed),
        }
    )
    assert outcomes(report)["checkpoints"] is Outcome.UNKNOWN
    assert report.outcome is not Outcome.VALID


@pytest.mark.parametrize(
    "data", [b"", b"x" * 33, b"x" * 8192], ids=["nothing", "a part of a hash", "other hashes"]
)
async def test_tiles_that_are_none_lead_to_findings_or_gaps(data: bytes) -> None:
    report = await audit(
        {
            "checkpoint": httpx.Response(200, content=NOTE.encode()),
            "checkpoints": httpx.Response(200, content=json.dumps(LIST).encode()),
            **{
                f"tile/{path}": httpx.Response(200, content=data)
                for path in ("0/000", "1/000.p/1", "0/001.p/44", "entries/000", "entries/001.p/44")
            },
        }
    )
    assert report.outcome is Outcome.INVALID
    assert {"bundle entries/000", "tile 0/000"} & {one.object for one in report.findings}


async def test_a_key_that_is_not_an_auditors_is_said_to_be_none() -> None:
    answers: Answers = {
        "checkpoint": httpx.Response(200, content=NOTE.encode()),
        "checkpoints": httpx.Response(200, content=json.dumps(LIST).encode()),
        "tile/entries/000": httpx.Response(403),
    }
    report = await audit(answers)
    said = {verdict.check: verdict.reason for verdict in report.verdicts}
    assert "an auditor's is needed" in said["entries"]


async def test_a_key_is_not_sent_after_a_redirection() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(302, headers={"location": "http://elsewhere.example/"})

    async with WebLog(
        "http://log.example", key="key", transport=httpx.MockTransport(answer)
    ) as log:
        with pytest.raises(LogReadError):
            await log.latest_checkpoint()
    assert set(asked) == {"log.example"}
