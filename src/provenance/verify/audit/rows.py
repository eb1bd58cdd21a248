"""Rows of a record and its entries as an audit reads them, and what it finds wrong with one."""

from dataclasses import dataclass, field

from provenance.core.digests import LeafHash, PayloadCommitment
from provenance.sealing import SealedRef
from provenance.verify.audit.expected import DerivedColumns


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record's row; what erasure destroyed is None. ``context`` are the bytes, if they exist.

    Of a ``sealed`` payload neither bytes nor salt are in the row. ``sealed_in_part``: the row has
    some columns of a sealed payload and lacks others.
    """

    first_index: int
    count: int
    kind: str
    submitter: str
    media_type: str
    statement_head: bytes | None
    statement_tail: bytes | None
    payload_salt: bytes | None
    fields_salt: bytes | None
    payload: bytes | None
    context_sha256: bytes | None
    context: bytes | None
    event_time: int | None
    corrects: int | None
    supersedes: int | None
    describes: int | None
    derived: DerivedColumns
    sealed: SealedRef | None = None
    sealed_in_part: bool = False


@dataclass(frozen=True, slots=True)
class SealedExpectation:
    """What the statement says of a payload that lies sealed elsewhere; ``size`` in bytes."""

    ref: SealedRef
    commitment: PayloadCommitment
    size: int


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry's row; ``sound`` says that its bytes are what the log committed to."""

    index: int
    record_first: int
    trail_first: int
    subject: str | None
    salt: bytes | None
    commitment: bytes
    leaf_hash: bytes
    sound: bool


@dataclass(frozen=True, slots=True)
class Unopened:
    """An entry that its statement does not open; ``name`` is a subject under which it would.

    ``object`` and ``problem`` are the finding if the subject of its trail is not the cause.
    """

    entry: StoredEntry
    name: str | None
    object: str
    problem: str


@dataclass(slots=True)
class RecordFindings:
    """What is wrong with one record: (object, problem).

    ``closed`` are entries that cannot be opened because what opens them is gone, ``gone`` the part
    of the record that is, where an entry's own salt is there; ``erased`` are the
    leaf hashes that the record says are erased, ``refers`` those of the record that each column
    that refers to one should name (None where its statement could not be read). ``sealed`` is what
    remains to be held against a payload that lies elsewhere, ``unopened`` what is not told before
    all records were read.
    """

    first_index: int
    wrong: list[tuple[str, str]] = field(default_factory=list)
    closed: list[StoredEntry] = field(default_factory=list)
    gone: str = ""
    erased: tuple[LeafHash, ...] = ()
    refers: dict[str, tuple[LeafHash, ...]] | None = None
    sealed: SealedExpectation | None = None
    unopened: list[Unopened] = field(default_factory=list)

    def add(self, object_: str, problem: str) -> None:
        """Note a fault."""
        self.wrong.append((object_, problem))

    def of_record(self, part: str, problem: str) -> None:
        """Note a fault of a part of the record, such as its payload."""
        self.add(f"{part} of record {self.first_index}", problem)
