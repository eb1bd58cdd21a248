"""Who may do what.

Naming a parcel or waybill together with a key entitles to its history; guessing an index or an
event id does not. So readers other than the operator and the submitter itself always name the
subject. Auditors see the log's structure and nobody's statements.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """Role of an API key, as the database spells it."""

    ADMIN = "admin"
    CARRIER = "carrier"
    MEMBER = "member"
    CLAIMS = "claims"
    CUSTOMS = "customs"
    AUDITOR = "auditor"


class Permission(StrEnum):
    """What an operation asks of a key."""

    CAPTURE = "capture"
    READ_JOBS = "read-jobs"
    READ_EVENTS = "read-events"
    READ_EVENT_BY_ID = "read-event-by-id"
    READ_TIMELINE = "read-timeline"
    READ_RECEIPTS = "read-receipts"
    READ_RECORD = "read-record"
    READ_CONTEXTS = "read-contexts"
    UPLOAD = "upload"
    READ_DOCUMENTS = "read-documents"
    READ_ENTRIES = "read-entries"
    MANAGE_KEYS = "manage-keys"
    READ_CASES = "read-cases"
    HANDLE_CASES = "handle-cases"
    WRITE_DOSSIERS = "write-dossiers"
    ERASE = "erase"
    READ_ERASURES = "read-erasures"


_EVERY_READER: Final = frozenset({Role.ADMIN, Role.CARRIER, Role.MEMBER, Role.CLAIMS, Role.CUSTOMS})

ALLOWED: Final[Mapping[Permission, frozenset[Role]]] = {
    Permission.CAPTURE: frozenset({Role.CARRIER}),
    Permission.READ_JOBS: frozenset({Role.ADMIN, Role.CARRIER}),
    Permission.READ_EVENTS: _EVERY_READER,
    # An eventID may be a running number: whoever could guess one reads by parcel instead.
    Permission.READ_EVENT_BY_ID: _EVERY_READER - {Role.MEMBER},
    Permission.READ_TIMELINE: _EVERY_READER,
    Permission.READ_RECEIPTS: _EVERY_READER,
    Permission.READ_RECORD: _EVERY_READER,
    Permission.READ_CONTEXTS: _EVERY_READER,
    # Proof of a damage is the member's own; a claims officer files what insurers and experts send.
    Permission.UPLOAD: frozenset({Role.CARRIER, Role.CLAIMS, Role.MEMBER}),
    Permission.READ_DOCUMENTS: _EVERY_READER,
    Permission.READ_ENTRIES: frozenset({Role.ADMIN, Role.AUDITOR}),
    Permission.MANAGE_KEYS: frozenset({Role.ADMIN}),
    # What a claimant says is not for the carrier that it is said about.
    Permission.READ_CASES: frozenset({Role.ADMIN, Role.CLAIMS}),
    Permission.HANDLE_CASES: frozenset({Role.ADMIN, Role.CLAIMS}),
    Permission.WRITE_DOSSIERS: frozenset({Role.ADMIN, Role.CLAIMS, Role.MEMBER}),
    Permission.ERASE: frozenset({Role.ADMIN}),
    # Leaf hashes, grounds and times: what an auditor holds against entries that cannot be opened.
    Permission.READ_ERASURES: frozenset({Role.ADMIN, Role.AUDITOR}),
}
"""Roles that hold each permission."""

RECORDING: Final = frozenset({Permission.CAPTURE, Permission.UPLOAD, Permission.HANDLE_CASES})
"""Permissions under which nothing but records in the caller's name is made."""

NAMES_SUBJECT: Final = frozenset({Role.MEMBER, Role.CLAIMS, Role.CUSTOMS})
"""Roles that read only what belongs to a subject which they name."""

OWN_PARCEL_ONLY: Final = frozenset({Role.MEMBER})
"""Roles that are not shown the lines of other parcels in an event that lists several."""
