"""Rows of ``logs`` and ``log_heads`` altered by SQL: each is named, and the rest is audited."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psycopg
import pytest
from sqlalchemy import make_url

from fixtures.auditing import AuditedLog, Copy, named, number
from provenance.core.verdict import Outcome
from provenance.db.engine import create_engine
from provenance.log.errors import BrokenLineageError
from provenance.prove.store import ProofStore
from provenance.verify.audit import audit_database
from provenance.verify.audit.report import CHECKS
from provenance.wiring.logs import current_origin

pytestmark = pytest.mark.services
SizedLogs = Callable[[int, bool], Awaitable[AuditedLog]]
CopiesOf = Callable[[AuditedLog], Copy]

ADDED = """
INSERT INTO logs (log_id, origin, created_at, predecessor_id)
SELECT log_id + 1, 'evil/log', created_at, {predecessor} FROM logs
"""


@dataclass(frozen=True, slots=True)
class Alteration:
    """What is done, and the objects that are then named."""

    sql: tuple[str, ...]
    objects: tuple[str, ...]


ALTERATIONS = {
    "a log that carries on itself": Alteration(
        ("UPDATE logs SET predecessor_id = log_id",), ("predecessor_id of log {origin}",)
    ),
    "a log that carries on none that is there": Alteration(
        ("UPDATE logs SET predecessor_id = 0",), ("predecessor_id of log {origin}",)
    ),
    "an added log": Alteration((ADDED.format(predecessor="NULL"),), ("log evil/log",)),
    "an added log that carries on the true one": Alteration(
        (ADDED.format(predecessor="log_id"),), ("log evil/log",)
    ),
    "an added log with a head that carries on the true one": Alteration(
        (
            ADDED.format(predecessor="log_id"),
            "INSERT INTO log_heads SELECT log_id + 1, size, last_at, frontier, state FROM log_heads",
        ),
        ("log evil/log",),
    ),
    "two logs that carry on each other": Alteration(
        (
            ADDED.format(predecessor="log_id"),
            "UPDATE logs SET predecessor_id = log_id + 1 WHERE predecessor_id IS NULL",
        ),
        ("log evil/log", "predecessor_id of log {origin}"),
    ),
    "a circle of three": Alteration(
        (
            ADDED.format(predecessor="log_id"),
            """INSERT INTO logs (log_id, origin, created_at, predecessor_id)
            SELECT log_id + 1, 'evil/other', created_at, log_id FROM logs
            WHERE origin = 'evil/log'""",
            """UPDATE logs SET predecessor_id = (SELECT max(log_id) FROM logs)
            WHERE predecessor_id IS NULL""",
        ),
        ("log evil/log", "log evil/other", "predecessor_id of log {origin}"),
    ),
    "a head that is gone": Alteration(("DELETE FROM log_heads",), ("log head",)),
    "the number of a head": Alteration(
        ("UPDATE log_heads SET log_id = log_id + 1",), ("log_id of log head",)
    ),
    "the number of a log": Alteration(
        ("UPDATE logs SET log_id = log_id + 1",), ("log_id of log {origin}",)
    ),
    "the name of a log": Alteration(
        ("UPDATE logs SET origin = 'evil/log'",), ("origin of log {origin}",)
    ),
}


def alter(copy: Copy, *statements: str) -> None:
    """Alter rows as somebody who may do anything: the foreign keys are out of the way."""
    url = make_url(copy.url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
        connection.execute("ALTER TABLE logs DROP CONSTRAINT fk_logs_predecessor_id")
        connection.execute("ALTER TABLE log_heads DROP CONSTRAINT fk_log_heads_log_id")
        for statement in statements:
            assert connection.execute(statement.encode()).rowcount == 1, statement


@pytest.mark.parametrize("name", ALTERATIONS)
async def test_what_was_altered_is_named_and_the_rest_is_audited(
    sized_logs: SizedLogs, copies_of: CopiesOf, name: str
) -> None:
    copy = copies_of(await sized_logs(40, True))
    alter(copy, *ALTERATIONS[name].sql)
    report = await copy.by_database()
    origin = copy.settings.origin
    assert named(report) == [object_.format(origin=origin) for object_ in ALTERATIONS[name].objects]
    assert report.outcome is Outcome.INVALID
    assert report.size == 40
    assert [verdict.check for verdict in report.verdicts] == list(CHECKS)
    assert Outcome.UNKNOWN not in {verdict.outcome for verdict in report.verdicts}


@pytest.mark.parametrize(
    "name", ["a log that carries on itself", "a circle of three", "an added log"]
)
async def test_it_is_named_without_a_chain_too(
    sized_logs: SizedLogs, copies_of: CopiesOf, name: str
) -> None:
    copy = copies_of(await sized_logs(40, True))
    alter(copy, *ALTERATIONS[name].sql)
    report = await audit_database(
        copy.url, origin=copy.settings.origin, trust=copy.log.trust, rpc_url=None
    )
    assert report.outcome is Outcome.INVALID
    assert set(named(report)) <= {
        object_.format(origin=copy.settings.origin) for object_ in ALTERATIONS[name].objects
    }


@pytest.mark.parametrize("name", ["a log that carries on itself", "a circle of three"])
async def test_no_service_begins_on_logs_that_carry_each_other_on(
    sized_logs: SizedLogs, copies_of: CopiesOf, name: str
) -> None:
    copy = copies_of(await sized_logs(40, True))
    alter(copy, *ALTERATIONS[name].sql)
    with pytest.raises(BrokenLineageError, match="circle"):
        await current_origin(copy.url, origin=copy.settings.origin)
    engine = create_engine(copy.url)
    with pytest.raises(BrokenLineageError, match="circle"):
        await ProofStore(engine).lineage(number(copy, "SELECT min(log_id) FROM logs"))
    await engine.dispose()
