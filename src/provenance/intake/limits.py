"""Bounds of everything that comes in, each with the reason why it is what it is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """Bounds of a submission; the API announces the first two in the standard's headers.

    A capture document is one transaction under the log's lock, so that its bounds are what one
    submitter may make all others wait.
    """

    max_document_bytes: int = 16 << 20
    """10,000 events of a kilobyte, with room for half as much again."""
    max_events: int = 10_000
    """About one second of writing."""
    max_document_values: int = 1_000_000
    """Commas of a document: one in 16 bytes, where EPCIS has one in 35. Holds memory to 60 MB."""
    max_event_bytes: int = 512 << 10
    """A container with 5,000 children whose identifiers have 60 characters, indented."""
    max_event_values: int = 10_000
    """Each value may become a leaf of the field tree, at some 20 µs: 0.2 s for one event."""
    max_subjects: int = 4_096
    """A large container, each an entry; as many as a correction of it can refer to."""
    max_document_subjects: int = 50_000
    """Subjects of one document: two to four seconds of writing."""
    max_depth: int = 24
    """Levels of nesting of an event; the standard itself needs 5, the field tree reads 32."""
    max_string: int = 4_096
    """Characters of a free text. Escaped at its longest it still fits a disclosed field's token."""
    max_context_bytes: int = 16 << 10
    """Bytes of a ``@context``: some two hundred namespaces."""
    max_errors: int = 100
    """Errors that are reported of one document; a person reads no more."""


DEFAULT_LIMITS = IntakeLimits()
