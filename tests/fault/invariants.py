"""Everything that must hold of a service after whatever happened to it, checked in one place.

The product's own audit compares log, trails, tiles, statements and payloads, checkpoints and
contract, by URL and by database. Added here is what only a submitter or an operator has: the
promises, and the copies in the blob store.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from fault.stores import Stores
from fault.submitters import Promise
from provenance.anchor.batch import BatchName, BatchPaths, Manifest, decode_manifest
from provenance.blobs import BlobNotFoundError, BlobStore
from provenance.core.digests import LeafHash, RootHash, sha256
from provenance.core.notes import Acknowledgement, open_note
from provenance.core.tiles import decode_bundle
from provenance.core.tree import Frontier, leaf_hash, root_of
from provenance.core.trustfile import TrustFile
from provenance.core.verdict import Outcome
from provenance.verify.audit import AuditReport, audit_database, audit_url
from provenance.wiring.auditing import expected_records
from provenance.wiring.sealing import open_vault

_LOG = "SELECT log_id, size FROM logs JOIN log_heads USING (log_id) WHERE origin = %s"
_LINE = """
WITH RECURSIVE line AS (
  SELECT log_id, origin, predecessor_id, NULL::bigint AS until FROM logs WHERE log_id = %s
  UNION ALL
  SELECT logs.log_id, logs.origin, logs.predecessor_id, following.start_size
  FROM logs JOIN line ON logs.log_id = line.predecessor_id
  JOIN logs following ON following.log_id = line.log_id
)
SELECT line.origin, anchors.old_size, anchors.size, anchors.root
FROM anchors JOIN line USING (log_id)
WHERE anchors.state IN ('included', 'final') AND (until IS NULL OR anchors.size <= until)
ORDER BY anchors.size
"""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at; ``size`` is the log's."""

    size: int
    anchors: int
    promises: int


async def check_everything(
    stores: Stores, promises: Sequence[Promise], *, copies: bool = True
) -> Checked:
    """Fail unless every invariant holds; the log must be anchored to its end.

    Without ``copies`` batches may be missing from the blob store.
    """
    log_id, size = _log(stores)
    reports = await audits(stores)
    for name, report in reports.items():
        found = [str(finding) for finding in report.findings]
        assert not found, f"{name}: {found}"
        unread = [v for v in report.verdicts if v.outcome is not Outcome.VALID]
        assert not unread, f"{name}: {unread}"
        assert report.size == size, f"{name} saw {report.size} of {size} entries"
    leaves = check_indexes(stores, log_id, size)
    check_promises(stores, log_id, leaves, promises)
    anchors = stores.query(_LINE, log_id)
    if copies:
        await check_copies(stores.blobs, anchors, leaves)
    return Checked(size=size, anchors=len(anchors), promises=len(promises))


async def audits(stores: Stores) -> dict[str, AuditReport]:
    """The product's audit, both ways."""
    trust, credentials = stores.trust, stores.credentials
    return {
        "audit by URL": await audit_url(
            credentials.api_url,
            trust=trust,
            rpc_url=credentials.rpc_url,
            key=credentials.keys["auditor"],
        ),
        "audit by database": await audit_database(
            stores.database_url,
            origin=stores.origin,
            trust=trust,
            rpc_url=credentials.rpc_url,
            expected_of=expected_records(stores.settings, stores.keys),
            sealed=open_vault(stores.settings),
        ),
    }


def check_indexes(stores: Stores, log_id: int, size: int) -> list[LeafHash]:
    """No index is missing or doubled, and records cover the log; returns the leaf hashes."""
    rows = stores.query("SELECT index, leaf_hash FROM entries WHERE log_id = %s ORDER BY 1", log_id)
    assert [index for index, _ in rows] == list(range(size))
    end = 0
    for first, count in stores.query(
        "SELECT first_index, count FROM records WHERE log_id = %s ORDER BY 1", log_id
    ):
        assert first == end, f"no record begins at {end}"
        assert isinstance(count, int)
        end += count
    assert end == size
    return [LeafHash(bytes(leaf)) for _, leaf in rows]  # type: ignore[call-overload]


def check_promises(
    stores: Stores, log_id: int, leaves: Sequence[LeafHash], promises: Sequence[Promise]
) -> None:
    """Signature, root and place of each promise hold, and each event is there exactly once."""
    trust = stores.trust
    for promise in promises:
        said = _opened(promise.note, trust)
        assert (said.first_index, said.count) == (promise.first_index, promise.count)
        assert promise.end <= len(leaves), f"[{promise.first_index}, {promise.end}) is gone"
        assert root_of(leaves[promise.first_index : promise.end]) == said.root
    stored: dict[str, tuple[object, object, dict[str, object]]] = {}
    for first, count, event_id, payload in stores.query(
        "SELECT first_index, count, event_id, payload FROM records"
        " WHERE log_id = %s AND kind = 'event'",
        log_id,
    ):
        assert str(event_id) not in stored, f"{event_id} is in the log twice"
        stored[str(event_id)] = (first, count, json.loads(bytes(payload)))  # type: ignore[call-overload]
    for promise in promises:
        for event, place in zip(promise.document.events, promise.places, strict=True):
            assert stored[event["eventID"]] == (*place, event)


async def check_copies(
    blobs: BlobStore, anchors: Sequence[tuple[object, ...]], leaves: Sequence[LeafHash]
) -> None:
    """Each anchored step has a complete batch, whose entries make the anchored tree."""
    tree = Frontier.empty()
    for origin, old_size, size, root in anchors:
        assert isinstance(old_size, int)
        assert isinstance(size, int)
        assert tree.size == old_size, f"the anchors leave out what is before {size}"
        paths, name = BatchPaths(str(origin)), BatchName(old_size=old_size, size=size)
        try:
            manifest = decode_manifest(await blobs.get(paths.manifest(name)))
        except BlobNotFoundError:
            raise AssertionError(f"there is no batch {name}") from None
        entries = await _check_parts(blobs, paths, name, manifest)
        copied = [leaf_hash(entry) for entry in decode_bundle(entries, width=size - old_size)]
        assert copied == list(leaves[old_size:size]), f"batch {name} holds other entries"
        tree = tree.extend(copied).frontier
        assert tree.root() == RootHash(bytes(root)), f"batch {name} makes another tree"  # type: ignore[call-overload]


async def _check_parts(
    blobs: BlobStore, paths: BatchPaths, name: BatchName, manifest: Manifest
) -> bytes:
    for part in ("leaves", "places", "rows", "entries"):
        data = await blobs.get(paths.object(name, part))
        promised = getattr(manifest, part)
        assert len(data) == promised.bytes, f"{part} of batch {name} is cut off"
        assert sha256(data).hex() == promised.sha256, f"{part} of batch {name} is damaged"
    for digest in manifest.contexts:
        assert sha256(await blobs.get(paths.context(digest))).hex() == digest
    return data


def _opened(note: str, trust: TrustFile) -> Acknowledgement:
    keys = [key for log in trust.logs for key in log.keys if key.name == note.partition("\n")[0]]
    return Acknowledgement.parse(open_note(note, keys).text)


def _log(stores: Stores) -> tuple[int, int]:
    [(log_id, size)] = stores.query(_LOG, stores.origin)
    assert isinstance(log_id, int)
    assert isinstance(size, int)
    return log_id, size
