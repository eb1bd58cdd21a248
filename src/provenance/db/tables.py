"""The tables, as SQLAlchemy Core; ``migrations`` brings a database there and a test compares.

Rules: every key of a log's data starts with ``log_id``, so that tables can be partitioned and
sharded by log. A record's entries are contiguous, so that a record is named by the index of its
first entry. A trail is named, inside the database, by the index of its first entry. Times are
integers, milliseconds since the epoch, UTC. Hashes and salts are raw bytes.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

logs = Table(
    "logs",
    metadata,
    Column("log_id", Integer, primary_key=True, autoincrement=True),
    Column("origin", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    # The chain that this log was opened on; another chain is refused. start_time: of start_block.
    Column("chain_id", BigInteger),
    Column("genesis_hash", LargeBinary),
    Column("contract", LargeBinary),
    Column("code_hash", LargeBinary),
    Column("start_block", BigInteger),
    Column("start_time", BigInteger),
    # A successor's tree begins with its predecessor's first start_size leaves.
    Column("predecessor_id", Integer, ForeignKey("logs.log_id")),
    Column("start_size", BigInteger, nullable=False, server_default="0"),
    comment="One row for each log that this service writes or has written",
)

log_heads = Table(
    "log_heads",
    metadata,
    Column("log_id", Integer, ForeignKey("logs.log_id"), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("state_reason", Text, nullable=False, server_default=""),
    CheckConstraint("state IN ('open', 'behind', 'forked', 'closed')", name="state"),
    comment="The row that a writer locks; state is the fence's verdict",
)

organisations = Table(
    "organisations",
    metadata,
    Column("organisation_id", UUID(as_uuid=True), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    comment="Submitters and readers; the id is random and stands in statements",
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", String(16), primary_key=True),
    Column(
        "organisation_id",
        UUID(as_uuid=True),
        ForeignKey("organisations.organisation_id"),
        nullable=False,
    ),
    Column("role", String(16), nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("label", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    CheckConstraint(
        "role IN ('admin', 'carrier', 'member', 'claims', 'customs', 'auditor')", name="role"
    ),
    comment="Only a hash of the secret is kept",
)

contexts = Table(
    "contexts",
    metadata,
    Column("sha256", LargeBinary, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    comment="JSON-LD contexts in force for stored events, by hash",
)

records = Table(
    "records",
    metadata,
    Column("log_id", Integer, nullable=False),
    Column("first_index", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("submitter", UUID(as_uuid=True), nullable=False),
    # Statement bytes around the subject, and what opens the commitments; NULL once erased.
    Column("statement_head", LargeBinary),
    Column("statement_tail", LargeBinary),
    Column("payload_salt", LargeBinary),
    Column("fields_salt", LargeBinary),
    Column("payload", LargeBinary),
    Column("media_type", Text, nullable=False),
    Column("context_sha256", LargeBinary),
    # dedup_key identifies the record for repetition, content_mac its bytes; both keyed, and NULL
    # once erased.
    Column("dedup_key", LargeBinary),
    Column("content_mac", LargeBinary),
    # Columns for queries. An event has those of what it says; an act of a claims case has its name
    # as event_type and the state after it as disposition; an erasure has its ground as event_type
    # and its order as event_id.
    Column("event_id", Text),
    Column("event_type", String(32)),
    Column("event_time", BigInteger),
    Column("action", String(8)),
    Column("biz_step", Text),
    Column("disposition", Text),
    Column("read_point", Text),
    Column("biz_location", Text),
    # First index of the record that an errorDeclaration corrects.
    Column("corrects", BigInteger),
    # A payload that lies sealed outside the database: its object, its key's place, and what opens
    # the commitment (payload salt, hash, file name) under that key. NULL once erased.
    Column("sealed_path", Text),
    Column("sealed_segment", Text),
    Column("sealed_slot", Integer),
    Column("sealed_opening", LargeBinary),
    # First index of the document that a document supersedes, or that a description describes.
    Column("supersedes", BigInteger),
    Column("describes", BigInteger),
    # First index of the record of kind erasure that says so, once this one is erased.
    Column("erased_by", BigInteger),
    PrimaryKeyConstraint("log_id", "first_index"),
    UniqueConstraint("log_id", "dedup_key"),
    Index(None, "log_id", "event_time", "first_index"),
    Index("ix_records_event_id", "log_id", "event_id", postgresql_where="event_id IS NOT NULL"),
    Index("ix_records_corrects", "log_id", "corrects", postgresql_where="corrects IS NOT NULL"),
    Index(
        "ix_records_supersedes", "log_id", "supersedes", postgresql_where="supersedes IS NOT NULL"
    ),
    Index("ix_records_describes", "log_id", "describes", postgresql_where="describes IS NOT NULL"),
    # A sweep asks whether anything refers to a key or an object, whatever its log.
    Index("ix_records_sealed_path", "sealed_path", postgresql_where="sealed_path IS NOT NULL"),
    Index(
        "ix_records_sealed_segment",
        "sealed_segment",
        postgresql_where="sealed_segment IS NOT NULL",
    ),
    Index(
        "ix_records_cases",
        "log_id",
        "disposition",
        "first_index",
        postgresql_where="kind = 'case'",
    ),
    Index("ix_records_erasures", "log_id", "first_index", postgresql_where="kind = 'erasure'"),
    comment="One row for each thing submitted; it has entries [first_index, first_index + count)",
)

trails = Table(
    "trails",
    metadata,
    Column("log_id", Integer, nullable=False),
    Column("first_index", BigInteger, nullable=False),
    Column("subject", Text, nullable=False),
    Column("trail", LargeBinary, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("last_leaf", LargeBinary, nullable=False),
    PrimaryKeyConstraint("log_id", "first_index"),
    UniqueConstraint("log_id", "subject"),
    # Every entry updates a trail: room on the page spares both indexes (heap-only tuples).
    postgresql_with={"fillfactor": 70},
    comment="One row for each subject: its random trail id, length and last leaf",
)

entries = Table(
    "entries",
    metadata,
    Column("log_id", Integer, nullable=False),
    Column("index", BigInteger, nullable=False),
    Column("trail_first", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("prev", LargeBinary, nullable=False),
    Column("commitment", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("record_first", BigInteger, nullable=False),
    Column("salt", LargeBinary),
    PrimaryKeyConstraint("log_id", "index"),
    UniqueConstraint("log_id", "trail_first", "seq"),
    Index("ix_entries_leaf_hash", "leaf_hash", postgresql_using="hash"),
    comment="The log itself; salt is NULL once erased",
)

tiles = Table(
    "tiles",
    metadata,
    Column("log_id", Integer, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("log_id", "level", "n"),
    comment="Full tiles of level 0; higher levels also partial, growing at the end",
)

requests = Table(
    "requests",
    metadata,
    Column("log_id", Integer, nullable=False),
    Column("submitter", UUID(as_uuid=True), nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("content_mac", LargeBinary, nullable=False),
    Column("first_index", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("job_id", UUID(as_uuid=True)),
    PrimaryKeyConstraint("log_id", "submitter", "idempotency_key"),
    Index("ix_requests_first_index", "log_id", "first_index", postgresql_where="count > 0"),
    comment="Answers to requests that carried an Idempotency-Key",
)

capture_jobs = Table(
    "capture_jobs",
    metadata,
    Column("log_id", Integer, nullable=False),
    Column("job_id", UUID(as_uuid=True), nullable=False),
    Column("submitter", UUID(as_uuid=True), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger, nullable=False),
    Column("success", Boolean, nullable=False),
    Column("on_error", String(16), nullable=False),
    Column("events", Integer, nullable=False),
    # The acknowledged range; count 0 when nothing new was logged.
    Column("first_index", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("record_firsts", ARRAY(BigInteger), nullable=False),
    Column("errors", JSONB, nullable=False),
    PrimaryKeyConstraint("log_id", "job_id"),
    Index("ix_capture_jobs_first_index", "log_id", "first_index", postgresql_where="count > 0"),
    CheckConstraint("on_error IN ('rollback', 'proceed')", name="on_error"),
    comment="EPCIS capture jobs; committed together with their events",
)

anchors = Table(
    "anchors",
    metadata,
    Column("log_id", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("old_size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("checkpoint", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("tx_hash", LargeBinary),
    Column("block_number", BigInteger),
    Column("block_hash", LargeBinary),
    Column("block_time", BigInteger),
    Column("log_index", Integer),
    Column("gas_used", BigInteger),
    Column("final_at", BigInteger),
    PrimaryKeyConstraint("log_id", "size"),
    CheckConstraint("state IN ('pending', 'submitted', 'included', 'final')", name="state"),
    comment="Checkpoints on their way to the chain, and there; block_time in milliseconds",
)

timestamps = Table(
    "timestamps",
    metadata,
    Column("log_id", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),
    # The note as it was stamped, and the whole response (DER).
    Column("checkpoint", Text, nullable=False),
    Column("token", LargeBinary, nullable=False),
    Column("stated_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("log_id", "size"),
    comment="RFC 3161 responses over signed checkpoints; stated_at is the authority's time",
)

chain_transactions = Table(
    "chain_transactions",
    metadata,
    Column("chain_id", BigInteger, nullable=False),
    Column("sender", LargeBinary, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("log_id", Integer),
    Column("size", BigInteger),
    Column("tx_hash", LargeBinary, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("block_number", BigInteger),
    Column("block_hash", LargeBinary),
    PrimaryKeyConstraint("chain_id", "sender", "nonce", "tx_hash"),
    CheckConstraint(
        "purpose IN ('deploy', 'role', 'open', 'anchor', 'succeed', 'cancel')", name="purpose"
    ),
    Index(None, "log_id", "size"),
    comment="Signed transactions as sent, so that a chain that lost them can be given them again",
)
