"""Master keys in a PKCS#11 token, tested with SoftHSM."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fixtures.application import service_settings
from fixtures.token import PIN, Token
from provenance.keys.errors import TokenError, UnwrapError
from provenance.keys.files import FileKeys
from provenance.keys.pkcs11 import Pkcs11Keys
from provenance.sealing import KeyGoneError, KeyShelf
from provenance.sealing.stream import DataKey
from provenance.settings import Settings
from provenance.wiring.sealing import SettingsError, key_provider, open_vault

# One worker installs and initialises the token.
KEY = bytes(range(32))


def keys_of(token: Token, folder: Path, *, label: str | None = None) -> Pkcs11Keys:
    return Pkcs11Keys(
        module=token.module,
        token=label or token.label,
        pin_file=token.pin_file,
        others=FileKeys(folder / "keys"),
        random_bytes=os.urandom,
    )


def test_a_wrapped_key_comes_back_in_another_session(token: Token, tmp_path: Path) -> None:
    first = keys_of(token, tmp_path)
    wrapped = first.wrap("sealing-1", KEY, context=b"here")
    first.close()
    assert KEY not in wrapped
    assert keys_of(token, tmp_path).unwrap("sealing-1", wrapped, context=b"here") == KEY
    assert not list((tmp_path / "keys").glob("*.master"))


@pytest.mark.parametrize("at", [0, 11, 12, 40, 59])
def test_a_changed_byte_is_found(token: Token, tmp_path: Path, at: int) -> None:
    keys = keys_of(token, tmp_path)
    wrapped = bytearray(keys.wrap("sealing-1", KEY, context=b"here"))
    wrapped[at] ^= 1
    with pytest.raises(UnwrapError):
        keys.unwrap("sealing-1", bytes(wrapped), context=b"here")
    # The session is as good as before.
    again = keys.wrap("sealing-1", KEY, context=b"here")
    assert keys.unwrap("sealing-1", again, context=b"here") == KEY


def test_another_context_or_another_master_key_opens_nothing(token: Token, tmp_path: Path) -> None:
    keys = keys_of(token, tmp_path)
    wrapped = keys.wrap("sealing-1", KEY, context=b"here")
    with pytest.raises(UnwrapError):
        keys.unwrap("sealing-1", wrapped, context=b"there")
    keys.wrap("another", KEY, context=b"")
    with pytest.raises(UnwrapError):
        keys.unwrap("another", wrapped, context=b"here")


def test_a_master_key_that_the_token_lacks_is_not_made_to_open(
    token: Token, tmp_path: Path
) -> None:
    with pytest.raises(TokenError, match="no master key never-made"):
        keys_of(token, tmp_path).unwrap("never-made", bytes(60), context=b"")


def test_processes_that_start_together_make_one_master_key(token: Token, tmp_path: Path) -> None:
    code = (
        "import sys, os; from pathlib import Path; from provenance.keys.pkcs11 import Pkcs11Keys;"
        "from provenance.keys.files import FileKeys;"
        "keys = Pkcs11Keys(module=Path(sys.argv[1]), token=sys.argv[2],"
        " pin_file=Path(sys.argv[3]), others=FileKeys(Path(sys.argv[4])),"
        " random_bytes=os.urandom);"
        "print(keys.wrap('together', bytes(32), context=b'').hex())"
    )
    arguments = [str(token.module), token.label, str(token.pin_file), str(tmp_path)]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    wrapped = [bytes.fromhex(process.communicate(timeout=60)[0]) for process in started]
    keys = keys_of(token, tmp_path)
    assert [keys.unwrap("together", one, context=b"") for one in wrapped] == [bytes(32)] * 3


def test_a_token_that_is_not_there_and_a_wrong_pin_are_told(token: Token, tmp_path: Path) -> None:
    with pytest.raises(TokenError, match="nowhere"):
        keys_of(token, tmp_path, label="nowhere").wrap("sealing-1", KEY, context=b"")
    wrong = tmp_path / "pin"
    wrong.write_text("135791")
    other = Token(module=token.module, label=token.label, pin_file=wrong)
    # This process is logged in to the token already; a new one is asked for its PIN.
    code = (
        "import sys, os; from pathlib import Path; from provenance.keys.pkcs11 import Pkcs11Keys;"
        "from provenance.keys.errors import TokenError\n"
        "keys = Pkcs11Keys(module=Path(sys.argv[1]), token=sys.argv[2],"
        " pin_file=Path(sys.argv[3]), others=None, random_bytes=os.urandom)\n"
        "try: keys.wrap('sealing-1', bytes(32), context=b'')\n"
        "except TokenError as error: print(error)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(other.module), other.label, str(other.pin_file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert f"token {token.label}" in told.stdout
    assert PIN not in told.stdout + told.stderr


async def test_a_shelf_keeps_and_erases_keys_under_the_token(token: Token, tmp_path: Path) -> None:
    def shelf() -> KeyShelf:
        return KeyShelf(
            tmp_path / "shelf",
            keys_of(token, tmp_path),
            random_bytes=os.urandom,
            now_ms=lambda: 1_764_000_000_000,
        )

    segment = await shelf().put([DataKey(KEY), DataKey(bytes(32))])
    assert await shelf().get(segment, 0) == KEY
    await shelf().erase(segment, [0])
    with pytest.raises(KeyGoneError):
        await shelf().get(segment, 0)
    assert await shelf().get(segment, 1) == bytes(32)


def settings_with(token: Token, folder: Path, **changes: object) -> Settings:
    settings = service_settings(folder, database_url="postgresql://", rpc_url="http://")
    return settings.model_copy(
        update={
            "pkcs11_module": token.module,
            "pkcs11_token": token.label,
            "pkcs11_pin_file": token.pin_file,
            **changes,
        }
    )


async def test_a_vault_of_the_settings_seals_under_the_token(token: Token, tmp_path: Path) -> None:
    settings = settings_with(token, tmp_path)
    stored = await open_vault(settings).store(_pieces(b"one", b"two"))
    sealed = await open_vault(settings).shelve(stored, payload_salt=bytes(32), filename="a")
    opened = open_vault(settings)
    assert (await opened.opening(sealed)).filename == "a"
    assert b"".join([data async for data in opened.read(sealed, size=6)]) == b"onetwo"
    assert not (tmp_path / "keys" / "sealing-1.master").exists()


def test_settings_that_are_not_complete_are_told(token: Token, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="PROVENANCE_PKCS11_PIN_FILE"):
        key_provider(settings_with(token, tmp_path, pkcs11_pin_file=None))


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
