"""Which keys a log lives by, and when one of them may be made.

Keys are made before the log is opened on its chain, all of them, so that a first start that was cut
off anywhere finds its own again. Once anything tells that the log exists, one that is missing stops
the start: another in its place would sign, anchor and recognise in the same name what nobody who
has a receipt could check.

Two accounts may be kept elsewhere: the recovery key always, the administrator's while nothing has to
be opened or granted. The master key of sealed payloads is the key shelf's: it makes one while it is
empty.
"""

from collections.abc import Iterable
from typing import Final

from eth_account.signers.local import LocalAccount

from provenance.core.notes import Verifier
from provenance.intake.repetition import EventKeys
from provenance.keys.errors import KeyFileError, KeyMissingError
from provenance.keys.files import FileKeys
from provenance.keys.provider import KeyProvider
from provenance.sealing.shelf import MASTER
from provenance.settings import Settings
from provenance.wiring.chain import (
    ADMINISTRATOR,
    RECOVERY,
    account,
    anchorer,
    anchorer_name,
    file_keys,
    first_keys,
    kept_account,
)
from provenance.wiring.logs import signer_for, signer_name
from provenance.wiring.shelved import shelf_is_used
from provenance.wiring.trust import read_published

_REPETITION: Final = "repetition"


class WrongKeyError(KeyFileError):
    """A key file that holds another key than the one that was published for its log."""

    code = "wrong-key"


def event_keys(keys: KeyProvider) -> EventKeys:
    """Keyed hashes by which repeated events are recognised."""
    return EventKeys(keys.secret(_REPETITION))


def make_keys(settings: Settings, *, origin: str) -> FileKeys:
    """Make the keys of a log that does not exist yet, unless an earlier start has."""
    keys = first_keys(settings)
    for name in (ADMINISTRATOR, RECOVERY):
        account(keys, name)
    make_log_keys(keys, origin)
    event_keys(keys)
    return keys


def make_keys_beside(settings: Settings, *, origin: str, has_entries: bool) -> FileKeys:
    """Make the keys of another log in the data folder of one that exists, but none that they share.

    ``has_entries``: repeated events were recognised already.

    Raises:
        KeyMissingError: a key that the others use is not there; nothing was made.

    """
    keys = file_keys(settings)
    for name in (ADMINISTRATOR, RECOVERY):
        if kept_account(keys, name) is None:
            raise KeyMissingError(
                f"{settings.data_dir / 'keys' / name}.secp256k1 is missing: another log of this data "
                f"folder has it, and {origin} would be opened with a second one in its place. Bring "
                "it for this start, or give the new log a data folder and a database of its own"
            )
    event_keys(keys if has_entries else first_keys(settings))
    make_log_keys(first_keys(settings), origin)
    return keys


def make_log_keys(keys: KeyProvider, origin: str) -> None:
    """Make the two keys that each log has of its own, unless they are there."""
    anchorer(keys, origin)
    signer_for(origin, keys)


def make_anchoring_key(settings: Settings, *, origin: str) -> LocalAccount:
    """Make another anchoring key in the place of one that is lost; the next start gives it the role.

    Raises:
        KeyFileError: it is not lost.
        KeyMissingError: the log's signing key is, so that the log is not this folder's.

    """
    signer_for(origin, file_keys(settings))
    path = settings.data_dir / "keys" / f"{anchorer_name(origin)}.secp256k1"
    if path.exists():
        raise KeyFileError(f"{path} is there; move it away first if another is to take its place")
    return anchorer(first_keys(settings), origin)


def require_keys(
    settings: Settings,
    *,
    origins: Iterable[str],
    current: str,
    has_entries: bool,
) -> FileKeys:
    """Return the keys of a log that exists, once each of them was read.

    ``origins`` are the logs whose notes were signed here, ``current`` the one that is written now.
    The secret for repeated events is made where nothing was recognised by it yet.

    Raises:
        KeyMissingError: one is not there; names its file and what to do.
        KeyFileError: one can't be used.

    """
    keys = file_keys(settings)
    for origin in dict.fromkeys((*origins, current)):
        signer_for(origin, keys)
    anchorer(keys, current)
    event_keys(keys if has_entries else first_keys(settings))
    if settings.pkcs11_module is None and shelf_is_used(settings):
        keys.master(MASTER)
    return keys


def require_successors_keys(settings: Settings, origin: str) -> None:
    """Require the two keys of a log that carried another one on before this database knew it.

    Raises:
        KeyMissingError: one is not there.
        WrongKeyError: the signing key is not the one that the trust file names.

    """
    keys = file_keys(settings)
    signer_for(origin, keys)
    trust = read_published(settings)
    log = None if trust is None else trust.log(origin)
    if log is not None:
        check_signer(settings, origin, log.keys)
    try:
        account(keys, anchorer_name(origin))
    except KeyMissingError as error:
        raise KeyMissingError(
            f"{error}; if no backup has it, `provenance log new-anchoring-key` makes another, with "
            f"PROVENANCE_ORIGIN={origin}"
        ) from None


def check_signer(settings: Settings, origin: str, published: Iterable[Verifier]) -> None:
    """Compare a log's signing key with those that were published for it.

    Raises:
        WrongKeyError: it is none of them.

    """
    keys = file_keys(settings)
    own = signer_for(origin, keys).verifier()
    if own not in tuple(published):
        raise WrongKeyError(
            f"{settings.data_dir / 'keys' / signer_name(origin)}.ed25519 is not the key that "
            f"{settings.data_dir / 'trust.json'} names for {origin}: nobody could check what it "
            "signs; restore the key from a backup"
        )
