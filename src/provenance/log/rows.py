"""Binary COPY rows of the tables that the writer fills, in the order of their columns."""

import struct
from functools import lru_cache
from typing import Final

from provenance.core.statement import StatementTemplate
from provenance.db.binary import NULL, bytea, int4, int8, text
from provenance.log.submissions import DocumentColumns, EventColumns, RecordDraft
from provenance.sealing import SealedRef

ENTRY_COLUMNS: Final = (
    "entries (log_id, index, trail_first, seq, at, prev, commitment, leaf_hash, record_first, salt)"
)
RECORD_COLUMNS: Final = (
    "records (log_id, first_index, count, kind, submitter, statement_head, statement_tail, "
    "payload_salt, fields_salt, payload, media_type, context_sha256, dedup_key, content_mac, "
    "event_id, event_type, event_time, action, biz_step, disposition, read_point, biz_location, "
    "sealed_path, sealed_segment, sealed_slot, sealed_opening, supersedes, describes, corrects)"
)
TRAIL_COLUMNS: Final = "trails (log_id, first_index, subject, trail, count, last_leaf)"
REQUEST_COLUMNS: Final = (
    "requests (log_id, submitter, idempotency_key, content_mac, first_index, count, at, job_id)"
)

# Each field is its length and its value: "iq" a bigint, "i32s" a hash.
_ENTRY = struct.Struct(">hiiiqiqiqiqi32si32si32siqi32s")
_RECORD_START = struct.Struct(">hiiiq")
_TRAIL_START = struct.Struct(">hiiiq")
_TRAIL_END = struct.Struct(">i32siqi32s")
_REQUEST_START = struct.Struct(">hiii16s")
_REQUEST_END = struct.Struct(">iqiqiq")
_pack_entry = _ENTRY.pack
_pack_int4 = struct.Struct(">ii").pack
_pack_length = struct.Struct(">i").pack
_HASH_LENGTH: Final = _pack_length(32)
_UUID_LENGTH: Final = _pack_length(16)
_NO_COLUMNS: Final = NULL * 8
_NOT_SEALED: Final = NULL * 4
_NO_DOCUMENT: Final = NULL * 2


def entry_row(  # noqa: PLR0917 - called for every entry, where keywords cost a tenth
    log_id: int,
    index: int,
    trail_first: int,
    seq: int,
    at: int,
    prev: bytes,
    commitment: bytes,
    leaf_hash: bytes,
    record_first: int,
    salt: bytes,
) -> bytes:
    """Row of one entry."""
    # fmt: off
    return _pack_entry(
        10, 4, log_id, 8, index, 8, trail_first, 8, seq, 8, at,
        32, prev, 32, commitment, 32, leaf_hash, 8, record_first, 32, salt,
    )
    # fmt: on


def record_fields(draft: RecordDraft, template: StatementTemplate) -> bytes:
    """Fields of a record's row from ``count`` to ``describes``."""
    statement, head, tail = draft.statement, template.head, template.tail
    columns, sealed, document = draft.columns, draft.sealed, draft.document
    return b"".join(
        (
            _pack_int4(4, len(draft.subjects)),
            _repeated_text(statement.kind),
            _UUID_LENGTH,
            draft.submitter.bytes,
            _pack_length(len(head)),
            head,
            _pack_length(len(tail)),
            tail,
            bytea(draft.payload_salt),
            bytea(draft.fields_salt),
            bytea(draft.payload),
            _repeated_text(statement.media_type),
            bytea(statement.context_sha256),
            _HASH_LENGTH,
            draft.dedup_key,
            _HASH_LENGTH,
            draft.content_mac,
            _NO_COLUMNS if columns is None else _event_fields(columns),
            _NOT_SEALED if sealed is None else _sealed_fields(sealed),
            _NO_DOCUMENT if document is None else _document_fields(document),
        )
    )


def _event_fields(columns: EventColumns) -> bytes:
    return b"".join(
        (
            text(columns.event_id),
            _repeated_text(columns.event_type),
            int8(columns.event_time),
            _repeated_text(columns.action),
            _repeated_text(columns.biz_step),
            _repeated_text(columns.disposition),
            _repeated_text(columns.read_point),
            _repeated_text(columns.biz_location),
        )
    )


def _sealed_fields(sealed: SealedRef) -> bytes:
    return b"".join(
        (
            text(sealed.path),
            text(sealed.segment),
            int4(sealed.slot),
            bytea(sealed.opening),
        )
    )


def _document_fields(document: DocumentColumns) -> bytes:
    return int8(document.supersedes) + int8(document.describes)


@lru_cache(maxsize=4096)
def _repeated_text(value: str | None) -> bytes:
    # Words of a vocabulary, and the places of a network.
    return text(value)


def record_row(log_id: int, first_index: int, fields: bytes, corrects: int | None) -> bytes:
    """Row of one record around the fields that were prepared."""
    return _RECORD_START.pack(29, 4, log_id, 8, first_index) + fields + int8(corrects)


def trail_row(
    *, log_id: int, first_index: int, subject: str, trail: bytes, count: int, last_leaf: bytes
) -> bytes:
    """Row of one new trail."""
    return (
        _TRAIL_START.pack(6, 4, log_id, 8, first_index)
        + text(subject)
        + _TRAIL_END.pack(32, trail, 8, count, 32, last_leaf)
    )


def request_row(
    *,
    log_id: int,
    submitter: bytes,
    key: str,
    content_mac: bytes,
    first_index: int,
    count: int,
    at: int,
    job_id: bytes | None,
) -> bytes:
    """Row of one answered request."""
    return (
        _REQUEST_START.pack(8, 4, log_id, 16, submitter)
        + text(key)
        + bytea(content_mac)
        + _REQUEST_END.pack(8, first_index, 8, count, 8, at)
        + bytea(job_id)
    )
