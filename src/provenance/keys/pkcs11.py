"""Master keys in a PKCS#11 token: a hardware security module, a smart card, or SoftHSM.

Only the master keys that wrap other keys lie in the token: AES-256, not extractable, made there
when first asked for. The log's and the accounts' keys stay where ``others`` keeps them: the log
signs a thousand notes a second, and the chain's accounts are of a curve that few tokens have.

A key is wrapped by encrypting it under AES-GCM with the context as associated data and a random
nonce of 12 bytes, so that one master key should wrap no more than 2^32 of them (NIST SP 800-38D):
at one commit every hundredth of a second, sixteen months.
"""

import fcntl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pkcs11
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import (
    DataInvalid,
    DataLenRange,
    EncryptedDataInvalid,
    EncryptedDataLenRange,
    GeneralError,
    NoSuchKey,
    PKCS11Error,
    UserAlreadyLoggedIn,
)

from provenance.keys.errors import TokenError, UnwrapError
from provenance.keys.provider import KeyProvider

_NONCE: Final = 12
_TAG_BITS: Final = 128
_ALTERED: Final = (
    EncryptedDataInvalid,
    EncryptedDataLenRange,
    DataInvalid,
    DataLenRange,
    # What SoftHSM 2.6 says of a tag that does not fit.
    GeneralError,
)


class Pkcs11Keys:
    """Wraps with the token ``token`` of ``module``, and asks ``others`` for every other key."""

    def __init__(
        self,
        *,
        module: Path,
        token: str,
        pin_file: Path,
        others: KeyProvider,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._module = module
        self._token = token
        self._pin_file = pin_file
        self._others = others
        self._random_bytes = random_bytes
        self._session: pkcs11.Session | None = None
        # A session does one thing at a time.
        self._lock = threading.Lock()

    def signing_key(self, name: str) -> Ed25519PrivateKey:
        """Ed25519 key that signs a log's notes."""
        return self._others.signing_key(name)

    def chain_key(self, name: str) -> bytes:
        """Private key (32 bytes) of an account on the chain."""
        return self._others.chain_key(name)

    def secret(self, name: str) -> bytes:
        """32 secret bytes."""
        return self._others.secret(name)

    def wrap(self, name: str, key: bytes, *, context: bytes, may_make: bool = True) -> bytes:
        """Nonce, ``key`` under AES-256-GCM in the token, and tag.

        Raises:
            TokenError: the token cannot be used, or has no such master key and none may be made.

        """
        nonce = self._random_bytes(_NONCE)

        def encrypt(master: Any) -> bytes:
            sealed: bytes = master.encrypt(
                key, mechanism=Mechanism.AES_GCM, mechanism_param=_parameters(nonce, context)
            )
            return nonce + sealed

        return self._with_master(name, encrypt, may_make=may_make)

    def unwrap(self, name: str, wrapped: bytes, *, context: bytes) -> bytes:
        """Return what :meth:`wrap` wrapped.

        Raises:
            UnwrapError: it is not what was wrapped, or the master key is another.
            TokenError: the token cannot be used, or has no such master key.

        """

        def decrypt(master: Any) -> bytes:
            try:
                plain: bytes = master.decrypt(
                    wrapped[_NONCE:],
                    mechanism=Mechanism.AES_GCM,
                    mechanism_param=_parameters(wrapped[:_NONCE], context),
                )
            except _ALTERED:
                raise UnwrapError(
                    f"a key is not wrapped by the master key {name} of token {self._token}"
                ) from None
            return plain

        return self._with_master(name, decrypt, may_make=False)

    def close(self) -> None:
        """Log out of the token."""
        with self._lock:
            self._forget()

    def _with_master(self, name: str, use: Callable[[Any], bytes], *, may_make: bool) -> bytes:
        with self._lock:
            # A token that was reset, or taken out and put back, ends its sessions.
            for is_last in (False, True):
                try:
                    return use(self._master(self._open(), name, may_make=may_make))
                except (PKCS11Error, OSError) as error:
                    self._forget()
                    if is_last:
                        reason = str(error) or type(error).__name__
                        raise TokenError(
                            f"token {self._token} of {self._module} cannot be used: {reason}"
                        ) from error
        raise AssertionError("the loop returns or raises")

    def _master(self, session: "pkcs11.Session", name: str, *, may_make: bool) -> Any:
        found = _find(session, name)
        if found is None and may_make:
            # Two processes that start together make one key.
            with self._alone():
                found = _find(session, name) or _generate(session, name)
        if found is None:
            raise TokenError(f"token {self._token} has no master key {name}; restore it there")
        return found

    def _open(self) -> "pkcs11.Session":
        if self._session is None:
            pin = self._pin_file.read_text(encoding="utf-8").strip()
            # SoftHSM reads its files anew, and fails where another process is writing one.
            with self._alone():
                token = pkcs11.lib(str(self._module)).get_token(token_label=self._token)
                try:
                    self._session = token.open(rw=True, user_pin=pin)
                except UserAlreadyLoggedIn:
                    # The log-in is the process's, and another session of it was first.
                    self._session = token.open(rw=True)
        return self._session

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep the other processes of this machine from the token for a moment."""
        with self._pin_file.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _forget(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            try:
                session.close()
            except PKCS11Error:
                return


def _find(session: "pkcs11.Session", name: str) -> Any:
    """The key of this name, or None; what it can do depends on its kind, so that it has no type."""
    try:
        return session.get_key(
            object_class=ObjectClass.SECRET_KEY, key_type=KeyType.AES, label=name
        )
    except NoSuchKey:
        return None


def _generate(session: "pkcs11.Session", name: str) -> Any:
    return session.generate_key(
        KeyType.AES,
        256,
        label=name,
        store=True,
        template={
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            Attribute.ENCRYPT: True,
            Attribute.DECRYPT: True,
            Attribute.WRAP: False,
            Attribute.UNWRAP: False,
        },
    )


def _parameters(nonce: bytes, context: bytes) -> GCMParams:
    return GCMParams(nonce, aad=context, tag_bits=_TAG_BITS)
