"""One thing changed by SQL, behind the service's back: the audit names exactly that one."""

from collections.abc import Callable
from dataclasses import dataclass

import psycopg
import pytest
from sqlalchemy import make_url

from fixtures.auditing import AuditedLog, Copy, flip, named
from fixtures.rotation import sampled
from provenance.core.verdict import Outcome

pytestmark = pytest.mark.services
Copies = Callable[[], Copy]

ENTRY = 300
"""An entry in a full tile, whose record is about it alone."""


@dataclass(frozen=True, slots=True)
class Corruption:
    """What is done, and the objects that each audit then names; ``{…}`` are the copy's facts."""

    sql: tuple[str, ...]
    by_database: tuple[str, ...]
    by_url: tuple[str, ...]


def entry(column: str, index: str = "{entry}") -> str:
    return flip("entries", column, f"index = {index}")


CORRUPTIONS = {
    "a commitment": Corruption((entry("commitment"),), ("entry {entry}",), ("entry {entry}",)),
    "a commitment near the end": Corruption(
        (entry("commitment", "{tail}"),), ("entry {tail}",), ("entry {tail}",)
    ),
    "a time": Corruption(
        ("UPDATE entries SET at = at + 1 WHERE index = {entry}",),
        ("entry {entry}",),
        ("entry {entry}",),
    ),
    "a trail link": Corruption((entry("prev"),), ("entry {entry}",), ("entry {entry}",)),
    "a number in a trail": Corruption(
        ("UPDATE entries SET seq = seq + 1000 WHERE index = {entry}",),
        ("entry {entry}",),
        ("entry {entry}",),
    ),
    "whose trail an entry is of": Corruption(
        ("UPDATE entries SET trail_first = {other_trail}, seq = 9999 WHERE index = {entry}",),
        ("entry {entry}",),
        ("entry {entry}",),
    ),
    "a stored leaf hash": Corruption((entry("leaf_hash"),), ("entry {entry}",), ()),
    "a stored leaf hash near the end": Corruption(
        (entry("leaf_hash", "{tail}"),), ("entry {tail}",), ("tile 0/{tiles:03d}.p/{partial}",)
    ),
    "a salt": Corruption((entry("salt"),), ("entry {entry}",), ()),
    "a salt of one of five": Corruption((entry("salt", "{of_five} + 2"),), ("entry {third}",), ()),
    "the head of a statement": Corruption(
        (flip("records", "statement_head", "first_index = {record}"),),
        ("statement of record {record}",),
        (),
    ),
    "the tail of a statement": Corruption(
        (flip("records", "statement_tail", "first_index = {of_five}"),),
        ("statement of record {of_five}",),
        (),
    ),
    "a payload": Corruption(
        (flip("records", "payload", "first_index = {record}"),), ("payload of record {record}",), ()
    ),
    "a payload's salt": Corruption(
        (flip("records", "payload_salt", "first_index = {record}"),),
        ("payload_salt of record {record}",),
        (),
    ),
    "the salt of the fields": Corruption(
        (flip("records", "fields_salt", "first_index = {of_five}"),),
        ("fields of record {of_five}",),
        (),
    ),
    **{
        f"the first index of a record, by {by}": Corruption(
            (f"UPDATE records SET first_index = first_index {by} WHERE first_index = {{of_five}}",),
            ("first_index of record {of_five}",),
            tuple(f"entry {{five[{at}]}}" for at in range(5)),
        )
        for by in ("+ 1", "+ 4", "+ 1000", "- 1000")
    },
    "the count of a record that is raised": Corruption(
        ("UPDATE records SET count = count + 1 WHERE first_index = {of_five}",),
        ("count of record {of_five}",),
        (),
    ),
    "the count of a record that is lowered": Corruption(
        ("UPDATE records SET count = count - 2 WHERE first_index = {of_five}",),
        ("count of record {of_five}",),
        (),
    ),
    "a searched column": Corruption(
        ("UPDATE records SET event_time = event_time - 1 WHERE first_index = {record}",),
        ("event_time of record {record}",),
        (),
    ),
    "a submitter": Corruption(
        ("UPDATE records SET submitter = gen_random_uuid() WHERE first_index = {record}",),
        ("submitter of record {record}",),
        (),
    ),
    "what a record corrects": Corruption(
        ("UPDATE records SET corrects = corrects - 1 WHERE first_index = {correction}",),
        ("corrects of record {correction}",),
        (),
    ),
    "that a record corrects another": Corruption(
        ("UPDATE records SET corrects = NULL WHERE first_index = {correction}",),
        ("corrects of record {correction}",),
        (),
    ),
    "a context": Corruption((flip("contexts", "data", "{context}"),), ("{named_context}",), ()),
    "the hash of a context": Corruption(
        (flip("contexts", "sha256", "{context}"),), ("{named_context}",), ()
    ),
    "a context that is gone": Corruption(
        ("DELETE FROM contexts WHERE {context}",), ("{named_context}",), ()
    ),
    "a tile of leaves": Corruption(
        (flip("tiles", "data", "level = 0 AND n = 1"),), ("tile 0/001",), ("tile 0/001",)
    ),
    "a tile above": Corruption(
        (flip("tiles", "data", "level = 1 AND n = 0"),),
        ("tile 1/000.p/{tiles}",),
        ("tile 1/000.p/{tiles}",),
    ),
    "a tile that is gone": Corruption(
        ("DELETE FROM tiles WHERE level = 0 AND n = 1",), ("tile 0/001",), ()
    ),
    "a tile above that is cut": Corruption(
        ("UPDATE tiles SET data = substr(data, 1, 40) WHERE level = 1",),
        ("tile 1/000.p/{tiles}",),
        ("tile 1/000.p/{tiles}",),
    ),
    "a decoy trail": Corruption(
        (
            """INSERT INTO trails SELECT log_id, 123456, subject || '?', sha256('decoy'), 1,
            sha256('leaf') FROM trails WHERE first_index = {trail}""",
        ),
        ("trail row 123456",),
        (),
    ),
    "the subject of a trail": Corruption(
        ("UPDATE trails SET subject = subject || '0' WHERE first_index = {own_trail}",),
        ("subject of trail row {own_trail}",),
        (),
    ),
    "the subject of a trail of many records": Corruption(
        ("UPDATE trails SET subject = subject || '0' WHERE first_index = {trail}",),
        ("subject of trail row {trail}",),
        (),
    ),
    "the subject of a trail of a case": Corruption(
        ("UPDATE trails SET subject = subject || '0' WHERE first_index = {case_trail}",),
        ("subject of trail row {case_trail}",),
        (),
    ),
    "the id of a trail": Corruption(
        (flip("trails", "trail", "first_index = {trail}"),), ("trail row {trail}",), ("{of_trail}",)
    ),
    "the length of a trail": Corruption(
        ("UPDATE trails SET count = count - 1 WHERE first_index = {trail}",),
        ("count of trail row {trail}",),
        (),
    ),
    "the last leaf of a trail": Corruption(
        (flip("trails", "last_leaf", "first_index = {trail}"),),
        ("last_leaf of trail row {trail}",),
        (),
    ),
    "the last entry of a trail deleted": Corruption(
        ("DELETE FROM entries WHERE index = {last}",), ("entry {last}",), ("entry {last}",)
    ),
    "the last entry of a trail deleted and the trail shortened": Corruption(
        (
            "DELETE FROM entries WHERE index = {last}",
            """UPDATE trails SET count = count - 1, last_leaf = (SELECT leaf_hash FROM entries
            WHERE trail_first = {trail} ORDER BY seq DESC LIMIT 1) WHERE first_index = {trail}""",
        ),
        ("entry {last}",),
        ("entry {last}",),
    ),
    "an entry deleted from a full tile": Corruption(
        ("DELETE FROM entries WHERE index = {entry}",), ("entry {entry}",), ("entry {entry}",)
    ),
    "a record deleted": Corruption(
        ("DELETE FROM records WHERE first_index = {record}",),
        ("record {record}",),
        ("entry {entry}",),
    ),
    "a record deleted with its entry": Corruption(
        (
            "DELETE FROM records WHERE first_index = {record}",
            "DELETE FROM entries WHERE index = {entry}",
        ),
        ("entry {entry}", "record {record}"),
        ("entry {entry}",),
    ),
    "the log's frontier": Corruption(
        (flip("log_heads", "frontier", "true"),), ("frontier of log head",), ()
    ),
    "a signed checkpoint": Corruption(
        (
            """UPDATE anchors SET checkpoint = replace(checkpoint, '{origin}', 'log.example/apx')
            WHERE size = {anchored}""",
        ),
        ("checkpoint {anchored}",),
        ("checkpoint {anchored}",),
    ),
    "the root of an anchor": Corruption(
        (flip("anchors", "root", "size = {anchored}"),), ("checkpoint {anchored}",), ()
    ),
    "an anchor deleted": Corruption(
        ("DELETE FROM anchors WHERE size = {anchored}",),
        ("anchor {anchored}",),
        ("checkpoint {anchored}",),
    ),
    "an entry that cannot be opened and that no record erases": Corruption(
        ("UPDATE entries SET salt = NULL WHERE index = {entry}",), ("entry {entry}",), ()
    ),
    "a payload that is gone and that no record erases": Corruption(
        ("UPDATE records SET payload = NULL WHERE first_index = {of_five}",),
        ("payload of record {of_five}",),
        (),
    ),
    "a payload's salt that is gone and that no record erases": Corruption(
        ("UPDATE records SET payload_salt = NULL WHERE first_index = {of_five}",),
        ("payload_salt of record {of_five}",),
        (),
    ),
    "a statement that is gone and that no record erases": Corruption(
        ("UPDATE records SET statement_head = NULL WHERE first_index = {of_five}",),
        ("statement of record {of_five}",),
        (),
    ),
    "the salts of all entries of a record": Corruption(
        tuple(entry("salt", f"{{of_five}} + {at}") for at in range(5)),
        tuple(f"entry {{five[{at}]}}" for at in range(5)),
        (),
    ),
    "a payload of an erased record that is put back": Corruption(
        ("UPDATE records SET payload = 'x' WHERE first_index = {erased}",),
        ("payload of record {erased}",),
        (),
    ),
    "a tile of leaves that is cut": Corruption(
        ("UPDATE tiles SET data = substr(data, 1, 40) WHERE level = 0 AND n = 1",),
        ("tile 0/001",),
        (),
    ),
    "a tile above that is gone": Corruption(
        ("DELETE FROM tiles WHERE level = 1",), ("tile 1/000.p/{tiles}",), ("tile 1/000.p/{tiles}",)
    ),
    "an erasure that did not happen": Corruption(
        ("UPDATE entries SET salt = sha256('salt') WHERE index = {erased}",),
        ("entry {erased}",),
        (),
    ),
}


@pytest.mark.parametrize("name", sampled(CORRUPTIONS, every=3))
async def test_the_audit_names_exactly_what_was_changed(
    copies: Copies, audited_log: AuditedLog, name: str
) -> None:
    corruption, copy = CORRUPTIONS[name], copies()
    facts = facts_of(copy)
    copy.execute(*(statement.format(**facts) for statement in corruption.sql))
    by_database, by_url = await copy.by_database(), await copy.by_url()
    assert named(by_database) == filled(corruption.by_database, facts)
    assert named(by_url) == filled(corruption.by_url, facts)
    assert by_database.outcome is Outcome.INVALID
    assert by_url.outcome is (Outcome.INVALID if corruption.by_url else Outcome.VALID)
    assert by_database.total == len(by_database.findings)


def filled(objects: tuple[str, ...], facts: dict[str, object]) -> list[str]:
    """The expected objects in a copy."""
    found: list[str] = []
    for item in objects:
        value = facts["of_trail"] if item == "{of_trail}" else [item.format(**facts)]
        assert isinstance(value, list)
        found += value
    return sorted(found)


def facts_of(copy: Copy) -> dict[str, object]:
    """Indexes that the corruptions speak of."""
    url = make_url(copy.url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as connection:

        def one(query: str) -> int:
            row = connection.execute(query.encode()).fetchone()
            assert row is not None
            return int(row[0])

        trail = one(f"SELECT trail_first FROM entries WHERE index = {ENTRY}")
        of_trail = connection.execute(
            "SELECT index FROM entries WHERE trail_first = %s ORDER BY seq", (trail,)
        ).fetchall()
        of_five = one("SELECT first_index FROM records WHERE count = 5 ORDER BY 1 OFFSET 3 LIMIT 1")
        digest = connection.execute(
            "SELECT context_sha256 FROM records WHERE first_index = 300"
        ).fetchone()
        assert digest is not None
        context = digest[0].hex()
        size = copy.log.size
        return {
            "entry": ENTRY,
            "record": one(f"SELECT record_first FROM entries WHERE index = {ENTRY}"),
            "tail": size - 10,
            "partial": size % 256,
            "tiles": size // 256,
            "trail": trail,
            "of_trail": [f"entry {index}" for (index,) in of_trail],
            "last": of_trail[-1][0],
            "other_trail": one(
                f"SELECT first_index FROM trails WHERE first_index <> {trail} LIMIT 1"
            ),
            # Of a trail whose every record is about nothing else.
            "own_trail": one(
                """SELECT trail_first FROM entries JOIN records ON record_first = records.first_index
                GROUP BY 1 HAVING max(records.count) = 1 AND count(*) = 1 AND min(kind) = 'event'
                LIMIT 1"""
            ),
            "case_trail": one(
                """SELECT trail_first FROM entries JOIN records ON record_first = records.first_index
                GROUP BY 1 HAVING min(kind) = 'case' AND max(kind) = 'case' LIMIT 1"""
            ),
            "correction": one("SELECT first_index FROM records WHERE corrects IS NOT NULL"),
            "context": f"sha256 = '\\x{context}'",
            "named_context": f"context {context}",
            "of_five": of_five,
            "five": list(range(of_five, of_five + 5)),
            "third": of_five + 2,
            "anchored": one("SELECT size FROM anchors ORDER BY size OFFSET 2 LIMIT 1"),
            "erased": copy.log.erased,
            "origin": copy.settings.origin,
        }
