"""Keys in files: one hex line each, mode 0600, in a folder of mode 0700.

A key appears whole or not at all: it is written beside its place, flushed to disk, and linked
there, which fails if another process was first; then that one's key is read.

A key is made at a log's first start and never again: what was signed, sent or wrapped with it can
only go on with the same one. Whoever opens the folder says whether that time has passed.
"""

import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from provenance.keys.errors import KeyFileError, KeyMissingError, UnwrapError

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
# Order of secp256k1 (SEC 2, section 2.4.1): a private key lies below it.
_SECP256K1_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141

_NONCE = 12


class FileKeys:
    """Keys under ``folder``; with ``may_make`` those that are missing are made when asked for.

    Each method that gives a key raises :class:`KeyMissingError` where it is missing and may not be
    made, and :class:`KeyFileError` where its file holds none or others can read it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        may_make: bool = True,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._folder = folder
        self._may_make = may_make
        self._random_bytes = random_bytes
        if may_make:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def signing_key(self, name: str) -> Ed25519PrivateKey:
        """Ed25519 key that signs a log's notes."""
        return Ed25519PrivateKey.from_private_bytes(self._load(f"{name}.ed25519"))

    def chain_key(self, name: str) -> bytes:
        """Private key (32 bytes) of an account on the chain."""
        return self._load(f"{name}.secp256k1")

    def secret(self, name: str) -> bytes:
        """32 secret bytes."""
        return self._load(f"{name}.secret")

    def master(self, name: str) -> bytes:
        """Master key (32 bytes), which is never made by looking for it."""
        return self._load(f"{name}.master", may_make=False)

    def wrap(self, name: str, key: bytes, *, context: bytes, may_make: bool = True) -> bytes:
        """Nonce, ``key`` under AES-256-GCM, and tag; only with ``may_make`` is a master key made.

        Each context has a key of its own, derived from the master key by HKDF-SHA-256 (RFC 5869),
        so that no number of wrapped keys wears the master key out.
        """
        cipher = _wrapping(self._load(f"{name}.master", may_make=may_make), context)
        nonce = self._random_bytes(_NONCE)
        return nonce + cipher.encrypt(nonce, key, context)

    def unwrap(self, name: str, wrapped: bytes, *, context: bytes) -> bytes:
        """Return what :meth:`wrap` wrapped; never makes a master key.

        Raises:
            UnwrapError: it is not what was wrapped, or the master key is another.
            KeyMissingError: the master key is missing.
            KeyFileError: it cannot be read.

        """
        cipher = _wrapping(self.master(name), context)
        try:
            return cipher.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], context)
        except (InvalidTag, ValueError):
            raise UnwrapError(
                f"a key is not wrapped by the master key {name}; restore the file "
                f"{name}.master that it was wrapped with"
            ) from None

    def _load(self, name: str, *, may_make: bool | None = None) -> bytes:
        if not _NAME.fullmatch(name):
            raise KeyFileError(f"{name!a} cannot be a key's name")
        path = self._folder / name
        if not path.exists():
            if not (self._may_make if may_make is None else may_make):
                raise KeyMissingError(
                    f"{path} is missing, and what was made with it needs this very key; restore it "
                    "from a backup"
                )
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._create(path)
        return self._read(path)

    def _read(self, path: Path) -> bytes:
        if path.stat().st_mode & 0o077:
            raise KeyFileError(f"{path} can be read by others; chmod 600 it, or replace the key")
        try:
            key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        except (UnicodeDecodeError, ValueError):
            key = b""
        if len(key) != 32:
            raise KeyFileError(f"{path} does not hold 64 hex digits; restore it from a backup")
        return key

    def _create(self, path: Path) -> None:
        key = self._random_bytes(32)
        while not 0 < int.from_bytes(key, "big") < _SECP256K1_ORDER:
            key = self._random_bytes(32)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(key.hex() + "\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                path.hardlink_to(temporary)
            except FileExistsError:
                return
        finally:
            temporary.unlink()
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _wrapping(master: bytes, context: bytes) -> AESGCM:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"wrap/v1\n" + context)
    return AESGCM(derive.derive(master))
