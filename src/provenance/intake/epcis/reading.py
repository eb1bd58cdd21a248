"""What the checks of one event or envelope share: the context in force and the errors found."""

from collections.abc import Mapping

from provenance.core.errors import FormatError
from provenance.intake.epcis.context import Context
from provenance.intake.epcis.vocabulary import Vocabulary, spell
from provenance.intake.limits import IntakeLimits


class Reading:
    """State of reading one JSON value: where it stands, what is declared, what is wrong.

    ``base`` is the JSON pointer of the value within what was sent; checks name fields by
    pointers relative to it. ``instants`` holds the times that were read, by pointer, in
    milliseconds since the epoch. ``has_extensions``: a member is of another namespace than the
    standard's.
    """

    __slots__ = ("base", "context", "errors", "has_extensions", "instants", "limits", "prefixes")

    def __init__(self, *, base: str, context: Context, limits: IntakeLimits) -> None:
        self.base = base
        self.context = context
        self.prefixes: Mapping[str, str] = context.prefixes
        self.limits = limits
        self.errors: list[FormatError] = []
        self.instants: dict[str, int] = {}
        self.has_extensions = False

    def refuse(self, kind: type[FormatError], message: str, at: str) -> None:
        """Note an error at the pointer ``at``, unless enough are noted already."""
        if len(self.errors) < self.limits.max_errors:
            self.errors.append(kind(message, where=self.base + at))

    def word(self, value: str, vocabulary: Vocabulary, at: str) -> str | None:
        """Spell a vocabulary word, or note why it can't be."""
        try:
            return spell(value, vocabulary, self.prefixes)
        except FormatError as error:
            self.refuse(type(error), str(error), at)
            return None


def pointer_token(name: str) -> str:
    """``name`` as a reference token of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
