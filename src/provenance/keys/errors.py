"""What can go wrong with keys."""

from provenance.core.errors import ProvenanceError


class KeyFileError(ProvenanceError):
    """A key file that cannot be used."""

    code = "bad-key-file"


class KeyMissingError(KeyFileError):
    """A key that something was already signed, sent or wrapped with is not there."""

    code = "key-missing"


class UnwrapError(ProvenanceError):
    """A wrapped key that the master key does not open: altered, moved, or of another master key."""

    code = "key-not-unwrapped"


class TokenError(ProvenanceError):
    """A PKCS#11 token that cannot be used."""

    code = "token-failed"
