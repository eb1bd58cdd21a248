"""What the service needs of a place that keeps keys."""

from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class KeyProvider(Protocol):
    """Gives each key by its name; the same name gives the same key for ever."""

    def signing_key(self, name: str) -> Ed25519PrivateKey:
        """Ed25519 key that signs a log's notes."""
        ...

    def chain_key(self, name: str) -> bytes:
        """Private key (32 bytes) of an account on the chain."""
        ...

    def secret(self, name: str) -> bytes:
        """32 secret bytes, for keyed hashes that stay on this server."""
        ...

    def wrap(self, name: str, key: bytes, *, context: bytes, may_make: bool = True) -> bytes:
        """``key`` (32 bytes) under the master key ``name``, bound to ``context``.

        The master key is made if it is not there and ``may_make`` says that nothing was wrapped yet.
        """
        ...

    def unwrap(self, name: str, wrapped: bytes, *, context: bytes) -> bytes:
        """The key that :meth:`wrap` wrapped; the same name and context.

        Raises:
            UnwrapError: it is not what was wrapped, or the master key is another.

        """
        ...
