"""Entries deleted by SQL from logs of several sizes: the audit names exactly them."""

from collections.abc import Awaitable, Callable

import pytest

from fixtures.auditing import AuditedLog, Copy, named, number
from fixtures.rotation import rotated
from provenance.core.verdict import Outcome

pytestmark = pytest.mark.services
SizedLogs = Callable[[int, bool], Awaitable[AuditedLog]]
CopiesOf = Callable[[AuditedLog], Copy]

SIZES = (40, 256, 300, 512, 700)
"""Below one tile, at the end of the first and the second, and with a part of a tile at the end."""

DELETED = {
    "the last of a trail": """SELECT max(index) FROM entries GROUP BY trail_first
        HAVING count(*) > 1 ORDER BY 1 LIMIT 1""",
    "a middle one of a trail": "SELECT index FROM entries WHERE seq = 2 ORDER BY 1 LIMIT 1",
    "the first of a trail": """SELECT min(index) FROM entries GROUP BY trail_first
        HAVING count(*) > 1 ORDER BY 1 LIMIT 1""",
    "the only one of a trail": """SELECT max(index) FROM entries GROUP BY trail_first
        HAVING count(*) = 1 ORDER BY 1 OFFSET 1 LIMIT 1""",
    "the last but one of the log": "SELECT max(index) - 1 FROM entries",
    "the last of the log": "SELECT max(index) FROM entries",
    "the first of the last tile": "SELECT max(index) / 256 * 256 FROM entries",
}


@pytest.mark.parametrize(("which", "size", "is_anchored"), rotated(DELETED, SIZES, (True, False)))
async def test_a_deleted_entry_is_named_and_nothing_else(
    sized_logs: SizedLogs, copies_of: CopiesOf, which: str, size: int, is_anchored: bool
) -> None:
    copy = copies_of(await sized_logs(size, is_anchored))
    index = number(copy, DELETED[which])
    copy.execute(f"DELETE FROM entries WHERE index = {index}")
    assert named(await copy.by_database()) == [f"entry {index}"]
    by_url = await copy.by_url()
    is_public = is_anchored or index < size * 3 // 5
    assert named(by_url) == ([f"entry {index}"] if is_public else [])
    assert by_url.outcome is (Outcome.INVALID if is_public else Outcome.VALID)


@pytest.mark.parametrize(
    ("which", "size", "is_anchored"),
    rotated(["the last of a trail", "the only one of a trail"], SIZES, (True, False)),
)
async def test_a_deleted_end_of_a_trail_whose_row_was_made_to_fit_is_named(
    sized_logs: SizedLogs, copies_of: CopiesOf, which: str, size: int, is_anchored: bool
) -> None:
    copy = copies_of(await sized_logs(size, is_anchored))
    index = number(copy, DELETED[which])
    trail = number(copy, f"SELECT trail_first FROM entries WHERE index = {index}")
    copy.execute(f"DELETE FROM entries WHERE index = {index}")
    if which == "the only one of a trail":
        copy.execute(f"DELETE FROM trails WHERE first_index = {trail}")
    else:
        copy.execute(
            f"""UPDATE trails SET count = count - 1, last_leaf = (SELECT leaf_hash FROM entries
            WHERE trail_first = {trail} ORDER BY seq DESC LIMIT 1) WHERE first_index = {trail}"""
        )
    assert named(await copy.by_database()) == [f"entry {index}"]
