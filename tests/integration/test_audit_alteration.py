"""One byte altered by SQL in logs of several sizes: the audit names exactly the one object."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from fixtures.auditing import AuditedLog, Copy, flip, named, number
from fixtures.rotation import rotated
from provenance.core.verdict import Outcome
from provenance.verify.audit import AuditReport

pytestmark = pytest.mark.services
SizedLogs = Callable[[int, bool], Awaitable[AuditedLog]]
CopiesOf = Callable[[AuditedLog], Copy]

SIZES = (40, 256, 700)
"""Below one tile, at the end of one, and with a part of a tile at the end."""
UNANCHORED = 300
"""Of which the last 120 entries are not anchored."""


@dataclass(frozen=True, slots=True)
class Alteration:
    """What is done to one entry, its record or its trail, and the object that is then named."""

    sql: str
    object: str


ALTERATIONS = {
    "commitment": Alteration(flip("entries", "commitment", "index = {index}"), "entry {index}"),
    "prev": Alteration(flip("entries", "prev", "index = {index}"), "entry {index}"),
    "at": Alteration("UPDATE entries SET at = at # 1 WHERE index = {index}", "entry {index}"),
    "seq": Alteration("UPDATE entries SET seq = seq # 4096 WHERE index = {index}", "entry {index}"),
    "trail_first": Alteration(
        "UPDATE entries SET trail_first = {other}, seq = 4096 WHERE index = {index}",
        "entry {index}",
    ),
    "a trail_first that is nowhere": Alteration(
        "UPDATE entries SET trail_first = 1::bigint << 40 WHERE index = {index}", "entry {index}"
    ),
    "record_first": Alteration(
        "UPDATE entries SET record_first = record_first # 1 WHERE index = {index}",
        "entry {index}",
    ),
    "salt": Alteration(flip("entries", "salt", "index = {index}"), "entry {index}"),
    "statement_head": Alteration(
        flip("records", "statement_head", "first_index = {index}"), "statement of record {index}"
    ),
    "statement_tail": Alteration(
        flip("records", "statement_tail", "first_index = {index}"), "statement of record {index}"
    ),
    "payload": Alteration(
        flip("records", "payload", "first_index = {index}"), "payload of record {index}"
    ),
    "payload_salt": Alteration(
        flip("records", "payload_salt", "first_index = {index}"),
        "payload_salt of record {index}",
    ),
    "context_sha256": Alteration(
        flip("records", "context_sha256", "first_index = {index}"), "context of record {index}"
    ),
    "a first_index": Alteration(
        "UPDATE records SET first_index = 1::bigint << 40 WHERE first_index = {index}",
        "first_index of record {index}",
    ),
    "a count that is raised": Alteration(
        "UPDATE records SET count = count + 1 WHERE first_index = {index}",
        "count of record {index}",
    ),
    "a count that is lowered": Alteration(
        "UPDATE records SET count = count - 1 WHERE first_index = {index}",
        "count of record {index}",
    ),
    "trail": Alteration(flip("trails", "trail", "first_index = {trail}"), "trail row {trail}"),
    "count of a trail": Alteration(
        "UPDATE trails SET count = count # 1 WHERE first_index = {trail}",
        "count of trail row {trail}",
    ),
    "last_leaf": Alteration(
        flip("trails", "last_leaf", "first_index = {trail}"), "last_leaf of trail row {trail}"
    ),
    "subject": Alteration(
        "UPDATE trails SET subject = 'https://id.gs1.org/01/09506000134352/21/9' "
        "WHERE first_index = {trail}",
        "subject of trail row {trail}",
    ),
    "entries of no log": Alteration(
        "INSERT INTO entries SELECT 4711, index, trail_first, seq, at, prev, commitment, "
        "leaf_hash, record_first, salt FROM entries WHERE index = {index}",
        "entries under log number 4711",
    ),
    "an added entry": Alteration(
        "INSERT INTO entries SELECT log_id, {size}, trail_first, 4096, at, prev, commitment, "
        "leaf_hash, record_first, salt FROM entries WHERE index = {index}",
        "entry {size}",
    ),
    "an added record": Alteration(
        "INSERT INTO records SELECT log_id, {size}, count, kind, submitter, statement_head, "
        "statement_tail, payload_salt, fields_salt, payload, media_type, context_sha256, "
        "sha256('key'), content_mac FROM records WHERE first_index = {index}",
        "record {size}",
    ),
    "an added trail": Alteration(
        "INSERT INTO trails SELECT log_id, 123456, subject || '?', sha256('decoy'), 1, "
        "sha256('leaf') FROM trails WHERE first_index = {trail}",
        "trail row 123456",
    ),
    "an added trail of the log's own": Alteration(
        "INSERT INTO trails SELECT log_id, {index}, subject || '?', trail, count, last_leaf "
        "FROM trails WHERE first_index = {trail}",
        "trail row {index}",
    ),
}
HEADS = {
    f"log_heads: {change}": Alteration(f"UPDATE log_heads SET {change}", f"{column} of log head")
    for column, change in (
        ("size", "size = size - 1"),
        ("size", "size = size + 1"),
        ("size", "size = size # 1024"),
        ("size", "size = size / 2"),
        ("size", "size = 0"),
        ("size", "size = -1"),
        ("last_at", "last_at = last_at - 1"),
        ("last_at", "last_at = last_at + 1"),
    )
}
ANCHORS = {
    f"anchors: {column}": Alteration(
        f"UPDATE anchors SET {value} WHERE size = {{size}}", f"{column} of anchor {{size}}"
    )
    for column, value in {
        "old_size": "old_size = old_size - 1",
        "block_number": "block_number = block_number + 1",
        "block_time": "block_time = block_time + 1000",
        "log_index": "log_index = log_index + 1",
        "tx_hash": "tx_hash = set_byte(tx_hash, 31, get_byte(tx_hash, 31) # 1)",
        "block_hash": "block_hash = set_byte(block_hash, 0, get_byte(block_hash, 0) # 1)",
    }.items()
}
LOGS = {
    f"logs: {column}": Alteration(f"UPDATE logs SET {value}", f"{column} of log {{origin}}")
    for column, value in {
        "chain_id": "chain_id = chain_id + 1",
        "genesis_hash": "genesis_hash = sha256(genesis_hash)",
        "contract": "contract = set_byte(contract, 19, get_byte(contract, 19) # 1)",
        "code_hash": "code_hash = NULL",
        "start_block": "start_block = start_block - 1",
        "start_size": "start_size = 1",
        "start_time": "start_time = start_time + 1",
    }.items()
}
COLUMNS = {
    column: Alteration(
        f"UPDATE records SET {column} = {value} WHERE first_index = {{index}}",
        f"{column} of record {{index}}",
    )
    for column, value in {
        "kind": "'document'",
        "submitter": "gen_random_uuid()",
        "media_type": "media_type || ' '",
        "event_id": "event_id || '0'",
        "event_type": "'AggregationEvent'",
        "event_time": "event_time + 1",
        "action": "'DELETE'",
        "biz_step": "'decommissioning'",
        "disposition": "'in_transit'",
        "read_point": "'https://id.gs1.org/414/9506000134352'",
        "biz_location": "'https://id.gs1.org/414/9506000134352'",
        "corrects": "0",
        "supersedes": "0",
        "describes": "0",
        "dedup_key": "sha256(dedup_key)",
        "content_mac": "sha256(content_mac)",
        "fields_salt": "sha256('salt')",
        "erased_by": "0",
    }.items()
}
SEALED = {
    f"sealed columns: {columns}": Alteration(
        f"UPDATE records SET {columns} WHERE first_index = {{index}}",
        "sealed columns of record {index}",
    )
    for columns in (
        "sealed_path = 'x'",
        "sealed_segment = 'x'",
        "sealed_slot = 1",
        "sealed_opening = 'x'",
        "sealed_path = 'x', sealed_segment = 'x', sealed_slot = 1, sealed_opening = 'x'",
    )
}
ALL = {**ALTERATIONS, **HEADS, **ANCHORS, **LOGS, **COLUMNS, **SEALED}


@pytest.mark.parametrize(("name", "size"), rotated(ALL, SIZES))
async def test_the_one_that_was_altered_is_named_and_nothing_else(
    sized_logs: SizedLogs, copies_of: CopiesOf, name: str, size: int
) -> None:
    by_database = await altered(copies_of(await sized_logs(size, True)), ALL[name], size)
    assert by_database.outcome is Outcome.INVALID


@pytest.mark.soak
@pytest.mark.parametrize("name", [*ALTERATIONS, *HEADS])
async def test_the_one_that_was_altered_before_it_was_anchored_is_named_and_nothing_else(
    sized_logs: SizedLogs, copies_of: CopiesOf, name: str
) -> None:
    copy = copies_of(await sized_logs(UNANCHORED, False))
    await altered(copy, ALL[name], UNANCHORED)
    # Nothing of it is public yet; a trail's id is part of entries before it, and the size decides
    # what is served.
    if name not in {"trail", *HEADS}:
        assert (await copy.by_url()).outcome is Outcome.VALID


async def altered(copy: Copy, alteration: Alteration, size: int) -> AuditReport:
    """Alter the entry that is the twelfth from the end, or its record or trail, and audit."""
    index = size - 12
    facts = {
        "size": size,
        "origin": copy.settings.origin,
        "index": index,
        "trail": number(copy, f"SELECT trail_first FROM entries WHERE index = {index}"),
        "other": number(copy, f"SELECT trail_first FROM entries WHERE index = {index - 1}"),
    }
    copy.execute(alteration.sql.format(**facts))
    by_database = await copy.by_database()
    assert named(by_database) == [alteration.object.format(**facts)]
    return by_database
