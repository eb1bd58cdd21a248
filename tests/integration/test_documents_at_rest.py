"""Documents at rest: sealed, swept, erased, audited."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from fixtures.application import ServiceUnderTest, parcel
from fixtures.documents import PDF, files_below, pdf, upload
from provenance.blobs import BlobNotFoundError
from provenance.core.receipt import Receipt
from provenance.core.verdict import Outcome
from provenance.log.documents import DocumentStore
from provenance.sealing import KeyGoneError, SealedRef
from provenance.sealing.sweep import GRACE_MS, Swept
from provenance.verify.audit import AuditReport, audit_database
from provenance.wiring.sealing import sweeper

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


async def test_nothing_of_a_document_lies_in_the_database_or_open_on_disk(
    service: ServiceUnderTest,
) -> None:
    carrier, data = await service.new_carrier(), pdf(size=200_000, mark="a-secret-mark")
    recorded = (await upload(carrier, data, parcel(), filename="secret-name.pdf")).json()
    async with service.services.engine.connect() as connection:
        row = (
            await connection.execute(
                text("SELECT records::text AS spelled, * FROM records WHERE first_index = :first"),
                {"first": recorded["first_index"]},
            )
        ).one()
    assert row.payload is None
    assert row.payload_salt is None
    assert recorded["sha256"] not in row.spelled
    assert "secret" not in row.spelled
    words = (b"a-secret-mark", b"canary-0123456789", b"secret-name")
    assert not any(
        word in data for data in files_below(service.settings.data_dir) for word in words
    )


async def test_a_log_that_closes_while_a_document_streams_in_keeps_nothing_of_it(
    service: ServiceUnderTest,
) -> None:
    carrier, about = await service.new_carrier(), parcel()
    kept = sorted(files_below(service.settings.data_dir / "blobs" / "sealed"))
    writer = service.services.writer

    async def closing() -> AsyncIterator[bytes]:
        yield PDF[:20]
        writer.close(state="behind", reason="for this test")
        yield PDF[20:]

    try:
        answer = await carrier.post(
            "/v1/documents",
            params={"subject": about, "type": "380"},
            content=closing(),
            headers={"content-type": "application/pdf"},
        )
        assert (answer.status_code, answer.json()["code"]) == (503, "log-read-only")
        early = await upload(carrier, PDF, about)
        assert early.status_code == 503
    finally:
        writer.open()
    assert sorted(files_below(service.settings.data_dir / "blobs" / "sealed")) == kept
    listed = await carrier.get("/v1/documents", params={"subject": about})
    assert listed.json() == {"documents": []}


async def test_what_crashes_left_between_the_steps_is_swept_and_nothing_else(
    service: ServiceUnderTest,
) -> None:
    carrier, vault, folder = (
        await service.new_carrier(),
        service.services.vault,
        service.settings.data_dir,
    )
    recorded = (await upload(carrier, PDF, parcel())).json()["first_index"]
    before = everything_sealed(folder)
    # A crash before the key was kept, and one before the record was logged.
    without_key = await vault.store(pieces(PDF))
    without_record = await vault.store(pieces(PDF))
    shelved = await vault.shelve(without_record, payload_salt=bytes(32))
    late = 0
    sweeps = sweeper(
        service.settings,
        service.services.engine,
        now_ms=lambda: time.time_ns() // 1_000_000 + late,
    )
    assert await sweeps.sweep() == Swept()
    late = 2 * GRACE_MS
    assert await sweeps.sweep() == Swept(keys=1, objects=2)
    assert everything_sealed(folder) == before
    assert (await carrier.get(f"/v1/documents/{recorded}")).content == PDF
    with pytest.raises(KeyGoneError):
        await vault.opening(shelved)
    with pytest.raises(BlobNotFoundError):
        await vault.measure(
            SealedRef(without_key.path, *(await reference_of(service, recorded))), size=len(PDF)
        )


async def reference_of(service: ServiceUnderTest, first_index: int) -> tuple[str, int, bytes]:
    store = DocumentStore(service.services.engine, log_id=service.services.log.log_id)
    document = await store.find(first_index)
    assert document is not None
    assert document.sealed is not None
    return document.sealed.segment, document.sealed.slot, document.sealed.opening


def everything_sealed(folder: Path) -> set[Path]:
    """Sealed objects and key segments."""
    return {
        path
        for part in ("blobs/sealed", "keys/sealed")
        for path in (folder / part).rglob("*")
        if path.is_file() and path.name != ".lock"
    }


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


async def test_an_erased_document_says_so(service: ServiceUnderTest) -> None:
    carrier, about = await service.new_carrier(), parcel()
    recorded = (await upload(carrier, PDF, about)).json()
    store = DocumentStore(service.services.engine, log_id=service.services.log.log_id)
    document = await store.find(recorded["first_index"])
    assert document is not None
    assert document.sealed is not None
    await service.services.vault.erase(document.sealed)
    gone = await carrier.get(f"/v1/documents/{recorded['first_index']}")
    assert (gone.status_code, gone.json()["code"]) == (410, "sealed-key-gone")
    listed = (await carrier.get("/v1/documents", params={"subject": about})).json()["documents"]
    assert [one["state"] for one in listed] == ["erased"]
    await service.anchor()
    receipt = Receipt.decode((await carrier.get(f"/v1/receipts/{recorded['first_index']}")).content)
    assert receipt.statement is not None
    assert receipt.payload is None


async def audited(service: ServiceUnderTest, *, with_stores: bool = True) -> AuditReport:
    settings = service.settings
    assert settings.database_url
    return await audit_database(
        settings.database_url,
        origin=settings.origin,
        trust=await service.services.trust(),
        rpc_url=settings.rpc_url,
        sealed=service.services.vault if with_stores else None,
    )


async def contents(service: ServiceUnderTest, first_index: int) -> list[str]:
    report = await audited(service)
    found = [str(finding) for finding in report.findings]
    return [one for one in found if one.startswith(f"payload of record {first_index}:")]


async def object_of(service: ServiceUnderTest, first_index: int) -> Path:
    store = DocumentStore(service.services.engine, log_id=service.services.log.log_id)
    document = await store.find(first_index)
    assert document is not None
    assert document.sealed is not None
    return service.settings.data_dir / "blobs" / document.sealed.path


def damage(path: Path) -> bytes:
    """Flip one bit; returns what was there."""
    data = path.read_bytes()
    path.write_bytes(data[:500] + bytes([data[500] ^ 1]) + data[501:])
    return data


async def test_an_audit_reads_sealed_payloads_and_names_the_one_that_was_altered(
    service: ServiceUnderTest,
) -> None:
    carrier = await service.new_carrier()
    first = (await upload(carrier, pdf(size=70_000), parcel())).json()["first_index"]
    await service.anchor()
    assert await contents(service, first) == []
    path = await object_of(service, first)
    sound = damage(path)
    [finding] = await contents(service, first)
    assert "chunk 0 is not what was sealed" in finding
    answer = await carrier.get(f"/v1/documents/{first}")
    assert answer.status_code == 500
    path.unlink()
    [finding] = await contents(service, first)
    assert "there is no object" in finding
    path.write_bytes(sound)
    assert await contents(service, first) == []


async def test_an_audit_without_the_stores_does_not_vouch_for_sealed_payloads(
    service: ServiceUnderTest,
) -> None:
    await upload(await service.new_carrier(), PDF, parcel())
    await service.anchor()
    report = await audited(service, with_stores=False)
    [verdict] = [one for one in report.verdicts if one.check == "contents"]
    assert verdict.outcome is not Outcome.VALID
    assert "sealed payloads were not read" in verdict.reason


async def test_a_payload_whose_key_is_gone_must_be_named_by_an_erasure(
    service: ServiceUnderTest,
) -> None:
    first = (await upload(await service.new_carrier(), PDF, parcel())).json()["first_index"]
    store = DocumentStore(service.services.engine, log_id=service.services.log.log_id)
    document = await store.find(first)
    assert document is not None
    assert document.sealed is not None
    await service.services.vault.erase(document.sealed)
    await service.anchor()
    found = [str(finding) for finding in (await audited(service)).findings]
    assert any(one.startswith(f"entry {first}: cannot be opened") for one in found), found


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("supersedes", "NULL", "supersedes of record {new}: is not set"),
        ("supersedes", "{other}", "supersedes of record {new}: is {other} in the table"),
        ("describes", "{old}", "describes of record {new}: is {old} in the table"),
        ("sealed_path", "NULL", "sealed columns of record {new}: are set in part"),
        ("sealed_segment", "NULL", "sealed columns of record {new}: are set in part"),
        ("sealed_slot", "NULL", "sealed columns of record {new}: are set in part"),
        ("sealed_opening", "NULL", "sealed columns of record {new}: are set in part"),
        ("sealed_path", "'x'", "payload of record {new}: cannot be opened"),
        ("sealed_segment", "'x'", "payload of record {new}: cannot be opened"),
        # The shelf has no such key, which is what a destroyed one looks like.
        ("sealed_slot", "7", "entry {new}: cannot be opened, and no erasure record names it"),
        ("sealed_opening", "'x'", "payload of record {new}: cannot be opened"),
        ("payload_salt", "'x'", "payload_salt of record {new}: is set beside a sealed payload"),
        ("fields_salt", "'x'", "fields_salt of record {new}: is set beside a sealed payload"),
        ("dedup_key", "NULL", "dedup_key of record {new}: is missing"),
        ("content_mac", "NULL", "content_mac of record {new}: is missing"),
        ("event_id", "'x'", "event_id of record {new}: is 'x' in the table and None"),
        ("biz_step", "'shipping'", "biz_step of record {new}: is 'shipping' in the table"),
    ],
)
async def test_an_altered_column_of_a_document_is_named_and_nothing_else(
    service: ServiceUnderTest, column: str, value: str, problem: str
) -> None:
    carrier = await service.new_carrier()
    firsts = {}
    for number, name in enumerate(("other", "old")):
        answer = await upload(carrier, pdf(size=4_000 + number), parcel())
        firsts[name] = answer.json()["first_index"]
    newer = await upload(carrier, pdf(size=5_000), parcel(), supersedes=firsts["old"])
    assert newer.status_code == 201, newer.text
    firsts["new"] = newer.json()["first_index"]
    await service.anchor()
    before = await about(service, firsts["new"])
    assert before == []
    restore = await altered(service, firsts["new"], column, value.format(**firsts))
    try:
        found = await about(service, firsts["new"])
    finally:
        await restore()
    assert len(found) == 1, found
    assert found[0].startswith(problem.format(**firsts))


async def about(service: ServiceUnderTest, first_index: int) -> list[str]:
    """What the audit finds wrong with a record or with its entry, whichever way it is named."""
    report = await audited(service)
    names = (f"record {first_index}:", f"entry {first_index}:")
    return [str(finding) for finding in report.findings if any(n in str(finding) for n in names)]


async def altered(
    service: ServiceUnderTest, first_index: int, column: str, value: str
) -> Callable[[], Awaitable[None]]:
    """Alter a column by SQL; what is returned puts it back."""
    where = {"first": first_index}
    async with service.services.engine.begin() as connection:
        before = await connection.scalar(
            text(f"SELECT {column} FROM records WHERE first_index = :first"), where
        )
        await connection.execute(
            text(f"UPDATE records SET {column} = {value} WHERE first_index = :first"), where
        )

    async def restore() -> None:
        async with service.services.engine.begin() as connection:
            await connection.execute(
                text(f"UPDATE records SET {column} = :before WHERE first_index = :first"),
                {**where, "before": before},
            )

    return restore
