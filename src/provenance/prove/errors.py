"""Why something cannot be proven (yet)."""

from provenance.core.errors import ProvenanceError


class ProveError(ProvenanceError):
    """Root of this package's errors."""

    code = "cannot-prove"


class EntryNotFoundError(ProveError):
    """The log has no such entry, record or trail."""

    code = "not-found"


class NotAnchoredError(ProveError):
    """The entry is recorded but no anchor covers it yet; the acknowledgement is the proof."""

    code = "not-anchored"


class DistrustedLogError(ProveError):
    """The log is forked: nothing more is signed in its name until it agrees with the chain."""

    code = "log-distrusted"
    retry_after = 30


class NotAnchoredSizeError(ProveError):
    """A proof was asked for a size that was never anchored."""

    code = "not-an-anchored-size"
