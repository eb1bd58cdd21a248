"""Refusals: what is wrong with which field, and what to do about it.

They extend the ``FormatError`` family of ``core``; ``where`` is always a JSON pointer into the
document or event as it was sent.
"""

from collections.abc import Sequence

from provenance.core.errors import FormatError


class VocabularyError(FormatError):
    """A bare word that the Core Business Vocabulary does not have."""

    code = "unknown-word"


class ContextError(FormatError):
    """A JSON-LD context that is not on the allow-list, or does more than name namespaces."""

    code = "context-refused"


class PrefixError(FormatError):
    """A name with a prefix that no context in force declares."""

    code = "undeclared-prefix"


class StructureError(FormatError):
    """Fields that are each well-formed but break a rule of their event type together."""

    code = "event-rule"


class ReservedSubjectError(FormatError):
    """A name that the service gives itself, as the subject of what somebody submits."""

    code = "reserved-subject"


class RefusedError(FormatError):
    """The whole submission is refused, for all the reasons in ``errors``."""

    code = "refused"

    def __init__(self, errors: Sequence[FormatError]) -> None:
        first = errors[0]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"{first}{more}")
        self.where = first.where
        self.errors = tuple(errors)


def message_of(error: FormatError) -> str:
    """Message of ``error`` without the pointer in front of it."""
    return str(error).removeprefix(f"{error.where}: ")


def located(error: FormatError, base: str) -> FormatError:
    """``error`` with ``base`` in front of its pointer."""
    return type(error)(message_of(error), where=base + error.where)


def problem_of(error: FormatError) -> dict[str, str]:
    """Return ``pointer``, ``code`` and ``detail`` of one error, as a problem document lists it."""
    return {
        "pointer": error.where,
        "code": error.code,
        "detail": message_of(error),
    }
