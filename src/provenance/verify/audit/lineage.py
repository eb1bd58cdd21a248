"""Which row of ``logs`` is which log, and which of them is audited: by trust file and chain.

Rules: each trusted log has a row under its name, and a head; each row carries on the log that chain
and trust file say; every other row is of a log that the trust file knows, or that by the chain
comes before or after those. Where one name or number was altered, the rows beside it tell which.
Nothing follows ``predecessor_id`` without an end: rows may name each other in a circle.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from provenance.core.digests import sha256
from provenance.core.trustfile import TrustedLog, TrustFile
from provenance.verify.audit.anchors import ChainReading
from provenance.verify.audit.report import Findings
from provenance.verify.audit.stored import Connection
from provenance.verify.errors import LogReadError

_LOGS: Final = """
SELECT log_id, origin, predecessor_id, chain_id, genesis_hash, contract, code_hash, start_block,
       start_size, start_time
FROM logs ORDER BY log_id LIMIT 1000
"""
_HEADS: Final = "SELECT log_id FROM log_heads ORDER BY log_id LIMIT 1000"
_HOLDS: Final = """
SELECT EXISTS (SELECT FROM entries WHERE log_id = %(log_id)s)
    OR EXISTS (SELECT FROM anchors WHERE log_id = %(log_id)s)
"""
_HAS_ENTRIES: Final = "SELECT EXISTS (SELECT FROM entries WHERE log_id = %s)"


@dataclass(frozen=True, slots=True)
class LogRow:
    """A row of ``logs``."""

    log_id: int
    origin: str
    predecessor_id: int | None
    chain_id: int | None
    genesis_hash: bytes | None
    contract: bytes | None
    code_hash: bytes | None
    start_block: int | None
    start_size: int
    start_time: int | None


@dataclass(frozen=True, slots=True)
class StoredLine:
    """The rows of a line of logs by their names, and the number under which each one's rows are.

    ``head_id`` is the number of the audited log's head, None where that is missing.
    """

    rows: dict[str, LogRow]
    numbers: dict[str, int]
    audited: str
    head_id: int | None
    ends: tuple[list[int], list[int | None]]

    @property
    def log_id(self) -> int:
        """Number under which the audited entries are."""
        return self.numbers[self.audited]


async def read_line(
    connection: Connection,
    *,
    origin: str,
    line: Sequence[TrustedLog],
    trust: TrustFile,
    chain: ChainReading | None,
    findings: Findings,
) -> StoredLine:
    """Find the rows of ``line``, whose last log is ``origin``, and name what is wrong with them.

    Raises:
        LogReadError: no row can be that log's.

    """
    cursor = await connection.execute(_LOGS, binary=True)
    rows = [LogRow(*row) for row in await cursor.fetchall()]
    work = _Lineage(connection, line, trust, chain, findings)
    return await work.read(origin, rows)


@dataclass(slots=True)
class _Lineage:
    connection: Connection
    line: Sequence[TrustedLog]
    trust: TrustFile
    chain: ChainReading | None
    findings: Findings

    async def read(self, origin: str, stored: Sequence[LogRow]) -> StoredLine:
        rows = {row.origin: row for row in stored}
        ids = self._ids(origin)
        unknown = self._unknown(stored, ids) if self.line else []
        self._rename(rows, unknown)
        if self.chain is None and origin in rows:
            unknown = await self._not_after(rows[origin], unknown)
        for row in unknown:
            self._name(f"log {row.origin}", "is not in the trust file")
        if origin not in rows:
            raise LogReadError(f"the database has no log {origin}")
        heads = [row[0] for row in await (await self.connection.execute(_HEADS)).fetchall()]
        known = {row.log_id for row in stored}
        strays = [number for number in heads if number not in known]
        names = [log.origin for log in self.line if log.origin in rows] or [origin]
        numbers: dict[str, int] = {}
        head_ids: dict[str, int | None] = {}
        for name in names:
            row = rows[name]
            found = row.log_id if row.log_id in heads else None
            numbers[name], head_ids[name] = row.log_id, found
            if found is None:
                numbers[name], head_ids[name] = await self._headless(
                    row, strays, is_last=name == origin
                )
        self._check_predecessors(rows, numbers, ids)
        audited = await self._carried_on(origin, rows, numbers, ids)
        if audited != origin:
            numbers[audited] = rows[audited].log_id
            head_ids[audited] = numbers[audited] if numbers[audited] in heads else None
        return StoredLine(
            rows=rows,
            numbers=numbers,
            audited=audited,
            head_id=head_ids[audited],
            ends=self._ends(rows, numbers, audited),
        )

    def _ids(self, origin: str) -> list[bytes]:
        """Ids on the chain of the logs of the lineage, newest first."""
        ids = [sha256(log.origin.encode()) for log in reversed(self.line)]
        if self.chain is None:
            return ids or [sha256(origin.encode())]
        after = [self.chain.successor] if self.chain.successor is not None else []
        return [*after, *ids, *self.chain.predecessors]

    def _unknown(self, rows: Sequence[LogRow], ids: Sequence[bytes]) -> list[LogRow]:
        """Rows of logs that neither trust file nor chain knows."""
        allowed = set(ids)
        if self.chain is None:
            allowed |= {sha256(row.origin.encode()) for row in self._before(rows)}
        return [
            row
            for row in rows
            if self.trust.log(row.origin) is None and sha256(row.origin.encode()) not in allowed
        ]

    def _before(self, rows: Sequence[LogRow]) -> list[LogRow]:
        """Rows that the oldest trusted log may carry on, for all that is known without a chain."""
        by_number = {row.log_id: row for row in rows}
        found: list[LogRow] = []
        row = next((one for one in rows if one.origin == self.line[0].origin), None)
        while row is not None and row not in found:
            found.append(row)
            row = by_number.get(row.predecessor_id) if row.predecessor_id is not None else None
        return found

    async def _not_after(self, last: LogRow, unknown: list[LogRow]) -> list[LogRow]:
        """``unknown`` without those that may carry on the log, for all that is known."""
        if await self._is(_HAS_ENTRIES, (last.log_id,)):
            return unknown
        return [row for row in unknown if row.predecessor_id != last.log_id]

    def _rename(self, rows: dict[str, LogRow], unknown: list[LogRow]) -> None:
        """Take a row whose name alone was altered for the log that it is of."""
        for log in self.line:
            if log.origin in rows:
                continue
            same = [
                row
                for row in unknown
                if (row.contract, row.start_block) == (log.contract, log.start)
            ]
            if len(same) != 1:
                self._name(f"log {log.origin}", "its row is missing")
                continue
            unknown.remove(same[0])
            rows[log.origin] = replace(rows.pop(same[0].origin), origin=log.origin)
            self._name(f"origin of log {log.origin}", f"is {same[0].origin} in the table")

    async def _headless(
        self, row: LogRow, strays: list[int], *, is_last: bool
    ) -> tuple[int, int | None]:
        """Number under which the log's rows are, and that of its head, if it is not its row's."""
        head = "log head" if is_last else f"log head of log {row.origin}"
        if len(strays) != 1:
            self.findings.add("tree", head, "its row is missing")
            return row.log_id, None
        number = strays[0]
        if await self._is(_HOLDS, {"log_id": number}):
            problem = (
                f"is {row.log_id} in the table, but its entries and its head are under {number}"
            )
            self._name(f"log_id of log {row.origin}", problem)
            return number, number
        problem = f"is {number} in the table, but the log is {row.log_id}"
        self.findings.add("tree", f"log_id of {head}", problem)
        return row.log_id, number

    def _check_predecessors(
        self, rows: dict[str, LogRow], numbers: dict[str, int], ids: Sequence[bytes]
    ) -> None:
        by_number = {row.log_id: origin for origin, row in rows.items()}
        by_number |= {number: origin for origin, number in numbers.items()}
        places = {id_: place for place, id_ in enumerate(ids)}
        for origin, row in rows.items():
            place = places.get(sha256(origin.encode()))
            if place is None:
                continue
            is_oldest = place + 1 == len(ids)
            stored = by_number.get(row.predecessor_id) if row.predecessor_id is not None else None
            known = None if is_oldest else ids[place + 1]
            if is_oldest and self.chain is None and stored is not None:
                # Without the chain, a log that is not trusted may come before the trusted ones.
                is_right = not self._is_circle(row, rows)
            elif known is None:
                is_right = row.predecessor_id is None
            else:
                is_right = stored is not None and sha256(stored.encode()) == known
            if not is_right:
                shown = "not set" if row.predecessor_id is None else row.predecessor_id
                said = "that it carries on none" if known is None else "of another one"
                source = "the chain" if self.chain is not None else "the trust file"
                problem = f"is {shown} in the table, but {source} says {said}"
                self._name(f"predecessor_id of log {origin}", problem)

    @staticmethod
    def _is_circle(row: LogRow, rows: dict[str, LogRow]) -> bool:
        by_number = {one.log_id: one for one in rows.values()}
        seen = {row.log_id}
        while row.predecessor_id is not None:
            following = by_number.get(row.predecessor_id)
            if following is None or following.log_id in seen:
                return True
            seen.add(following.log_id)
            row = following
        return False

    async def _carried_on(
        self, origin: str, rows: dict[str, LogRow], numbers: dict[str, int], ids: Sequence[bytes]
    ) -> str:
        """The log that has the entries: ``origin``, or one that carries it on untrusted."""
        if await self._is(_HAS_ENTRIES, (numbers[origin],)):
            return origin
        for name, row in rows.items():
            follows = name != origin and row.predecessor_id == numbers[origin]
            if follows and name not in numbers and await self._is(_HAS_ENTRIES, (row.log_id,)):
                reason = f"log {name} carries on the log, but the trust file does not name it: get a newer one"
                self.findings.unread("anchors", reason)
                return name
        return origin

    def _ends(
        self, rows: dict[str, LogRow], numbers: dict[str, int], audited: str
    ) -> tuple[list[int], list[int | None]]:
        """Numbers of the line's logs, and the size up to which each one's anchors count."""
        found: list[int] = []
        ends: list[int | None] = []
        for log in self.line:
            if log.origin not in numbers:
                continue
            end = log.successor.size if log.successor is not None else None
            if end is None and self.chain is not None:
                end = self.chain.closed_size
            elif end is None and audited != log.origin:
                end = rows[audited].start_size
            found.append(numbers[log.origin])
            ends.append(end)
        return found, ends

    async def _is(self, query: str, parameters: dict[str, int] | tuple[int]) -> bool:
        row = await (await self.connection.execute(query, parameters)).fetchone()
        return row is not None and bool(row[0])

    def _name(self, object_: str, problem: str) -> None:
        self.findings.add("anchors", object_, problem)
