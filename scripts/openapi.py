"""Writes docs/openapi.json from the operations that the API declares; ``--check`` compares.

Nothing is connected: the application is put together over a database that is never asked.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from provenance.api.app import create_app, description_of
from provenance.api.epcis.readers import DocumentReaders
from provenance.api.ports import Check
from provenance.api.services import Services
from provenance.core.trustfile import TrustFile
from provenance.db.accounts import AccountStore
from provenance.db.engine import create_engine
from provenance.evidence.rules import built_in_rules
from provenance.log.identity import LogIdentity
from provenance.log.store import LogStore
from provenance.log.tilestore import TileStore
from provenance.log.writer import LogWriter
from provenance.prove.materials import MaterialStore
from provenance.prove.prover import Prover
from provenance.prove.store import ProofStore
from provenance.settings import Settings
from provenance.wiring.chain import first_keys
from provenance.wiring.erasing import Erasing, eraser_lock, open_eraser, open_retention
from provenance.wiring.keyring import event_keys
from provenance.wiring.sealing import open_vault

TARGET = Path(__file__).parent.parent / "docs" / "openapi.json"


class _Unready:
    async def checks(self) -> Sequence[Check]:
        return ()


@asynccontextmanager
async def _never() -> AsyncIterator[None]:
    yield


async def _nobody() -> TrustFile:
    return TrustFile(operator="nobody", logs=())


def unconnected(folder: Path) -> Services:
    """Parts that are all there and have nobody to ask; ``folder`` is empty and may be filled."""
    engine = create_engine("postgresql://127.0.0.1:1/nowhere")
    log = LogIdentity(log_id=1, origin="log.example/nowhere")
    tiles = TileStore(engine, log_id=1)
    settings = Settings(data_dir=folder, database_url="postgresql://127.0.0.1:1/nowhere")
    keys = event_keys(first_keys(settings))
    vault = open_vault(settings)
    writer = LogWriter(engine, log, signers=())
    eraser = open_eraser(settings, engine, log_id=1)
    retention = open_retention(settings, engine, eraser)
    return Services(
        log=log,
        lineage=(),
        engine=engine,
        writer=writer,
        running=_never,
        entries=LogStore(engine, log_id=1),
        tiles=tiles,
        prover=Prover(
            store=ProofStore(engine),
            materials=MaterialStore(engine, lineage=()),
            tiles=tiles,
            lineage=(),
            signers=(),
            openings=vault,
        ),
        vault=vault,
        eraser=eraser,
        retention=retention,
        erasing=Erasing(
            eraser,
            writer,
            retention=retention,
            lock=eraser_lock(settings),
            hour=None,
            now_ms=time.time_ns,
        ),
        trust=_nobody,
        facts=None,
        accounts=AccountStore(engine, random_bytes=os.urandom, now_ms=time.time_ns),
        readiness=_Unready(),
        event_keys=keys,
        carrier="carrier",
        registry=CollectorRegistry(),
        clock=time.time_ns,
        seconds=time.monotonic,
        random_bytes=os.urandom,
        rules=built_in_rules(),
        readers=DocumentReaders(),
    )


def main() -> int:
    """Write or compare."""
    with tempfile.TemporaryDirectory() as folder:
        description = description_of(create_app(unconnected(Path(folder))))
    text = json.dumps(description, indent=2, sort_keys=True) + "\n"
    if "--check" in sys.argv[1:]:
        if TARGET.read_text(encoding="utf-8") == text:
            return 0
        print("docs/openapi.json is not what the API declares; run scripts/openapi.py")
        return 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
