"""The largest case that is planned for: a thousand documents and ten thousand events."""

import time
from pathlib import Path

import pytest

from fixtures.dossiers import gather
from fixtures.embedded import ChainFixture
from fixtures.small_log import tile_hashes
from fixtures.verifying import SmallLog, open_small_log
from provenance.core.digests import sha256
from provenance.core.receipt import AnchoredCheckpoint, PayloadOpening, Receipt
from provenance.core.tiles import inclusion_proof
from provenance.core.verdict import Outcome
from provenance.evidence.dossier.build import build_dossier
from provenance.evidence.dossier.content import DossierContent, DossierDocument, DossierEvent
from provenance.verify.dossier.anchors import named
from provenance.verify.dossier.run import verify_dossier

pytestmark = pytest.mark.services
SHIPMENT = "urn:provenance:shipment:carrier:"
SUBJECTS = 100
DOCUMENTS = 1_000
EVENTS = 10_000
BATCHES = 20


def fill(log: SmallLog) -> list[int]:
    """Log everything in some batches; returns the indexes of the documents."""
    documents = []
    step = (DOCUMENTS + EVENTS) // BATCHES
    at = log.node.time()
    for number in range(DOCUMENTS + EVENTS):
        subject = f"{SHIPMENT}{number % SUBJECTS}"
        is_document = number % 11 == 0
        payload = (
            b"%%PDF %d" % number if is_document else b'{"step":"departing","number":%d}' % number
        )
        kind = "document" if is_document else "event"
        index = log.add(subject, payload, kind=kind, at=at)
        documents += [index] if is_document else []
        if (number + 1) % step == 0:
            log.anchor()
            at = log.node.time()
    return documents


def receipts(log: SmallLog) -> list[Receipt]:
    """All receipts, made from tiles, with a trail head for each subject."""
    heads = {f"{SHIPMENT}{number}": log.head(f"{SHIPMENT}{number}") for number in range(SUBJECTS)}
    made: list[Receipt] = []
    leaves = log.leaves
    for size, anchor in sorted(log.anchors.items()):
        hashes = tile_hashes(leaves[:size])
        checkpoint = log.checkpoint(size)
        for index in range(anchor.old_size, size):
            line = log.lines[index]
            path = tuple(inclusion_proof(hashes, index=index, size=size))
            made.append(
                Receipt(
                    entry=line.entry,
                    index=index,
                    anchored=AnchoredCheckpoint(path, checkpoint, anchor),
                    statement=line.statement,
                    salt=line.salt,
                    payload=PayloadOpening(salt=line.payload_salt, sha256=sha256(line.payload)),
                    trail_head=heads[line.statement.subject],
                )
            )
    return made


def test_a_large_case_is_written_and_verified_in_time(anvil: ChainFixture, tmp_path: Path) -> None:
    log = open_small_log(anvil)
    documents = fill(log)
    found = receipts(log)
    evidence = gather(log, found)
    is_document = set(documents)
    content = DossierContent(
        origins=(log.origin,),
        subjects=tuple(f"{SHIPMENT}{number}" for number in range(SUBJECTS)),
        receipts=tuple(found),
        closing=evidence.closing,
        anchors=evidence.anchors,
        documents=tuple(
            DossierDocument(index, "application/ld+json", lambda at=index: [log.lines[at].payload])
            for index in documents
        ),
        events=tuple(
            DossierEvent(index, line.payload)
            for index, line in enumerate(log.lines)
            if index not in is_document
        ),
    )
    told: list[tuple[str, int, int]] = []
    path = tmp_path / "dossier.zip"
    with path.open("w+b") as file:
        started = time.process_time()
        build_dossier(
            file,
            content,
            signer=log.signer,
            created_at=1_767_225_600_000,
            progress=lambda *said: told.append(said),
        )
        written = time.process_time() - started
    assert told[-1][1] == told[-1][2] == len(told) - 1
    with path.open("rb") as file:
        started = time.process_time()
        report = verify_dossier(
            file, trust=log.trust(), vouches=named([content.closing.anchor.block_hash])
        )
        verified = time.process_time() - started
    assert report.outcome is Outcome.VALID, report.refusal or report.checks
    assert report.about["entries"] == DOCUMENTS + EVENTS
    assert written < 60, written
    assert verified < 10, verified
    print(f"\nwritten {written:.1f} s, verified {verified:.1f} s, {path.stat().st_size} bytes")
