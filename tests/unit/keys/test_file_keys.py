"""Master keys in files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from provenance.keys.errors import KeyFileError, KeyMissingError, UnwrapError
from provenance.keys.files import FileKeys

KEY = bytes(range(32))


def test_a_wrapped_key_comes_back_with_its_name_and_context(tmp_path: Path) -> None:
    wrapped = FileKeys(tmp_path).wrap("sealing-1", KEY, context=b"here")
    assert KEY not in wrapped
    assert FileKeys(tmp_path).unwrap("sealing-1", wrapped, context=b"here") == KEY


def test_a_wrapped_key_does_not_open_in_another_place(tmp_path: Path) -> None:
    keys = FileKeys(tmp_path)
    wrapped = keys.wrap("sealing-1", KEY, context=b"here")
    with pytest.raises(UnwrapError, match="sealing-1"):
        keys.unwrap("sealing-1", wrapped, context=b"there")


@pytest.mark.parametrize("at", range(0, 60, 7))
def test_a_changed_byte_of_a_wrapped_key_is_found(tmp_path: Path, at: int) -> None:
    keys = FileKeys(tmp_path)
    wrapped = bytearray(keys.wrap("sealing-1", KEY, context=b"here"))
    wrapped[at] ^= 1
    with pytest.raises(UnwrapError):
        keys.unwrap("sealing-1", bytes(wrapped), context=b"here")


def test_a_wrapped_key_that_was_cut_is_refused(tmp_path: Path) -> None:
    keys = FileKeys(tmp_path)
    wrapped = keys.wrap("sealing-1", KEY, context=b"here")
    for length in (0, 11, 12, 27, 59):
        with pytest.raises(UnwrapError):
            keys.unwrap("sealing-1", wrapped[:length], context=b"here")


def test_a_missing_master_key_is_told_and_not_made_anew(tmp_path: Path) -> None:
    wrapped = FileKeys(tmp_path / "first").wrap("sealing-1", KEY, context=b"")
    second = FileKeys(tmp_path / "second")
    with pytest.raises(KeyFileError, match="restore it from a backup"):
        second.unwrap("sealing-1", wrapped, context=b"")
    assert list((tmp_path / "second").iterdir()) == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda keys: keys.signing_key("log-1"),
        lambda keys: keys.chain_key("recovery"),
        lambda keys: keys.secret("repetition"),
        lambda keys: keys.master("sealing-1"),
        lambda keys: keys.wrap("sealing-1", KEY, context=b"", may_make=False),
    ],
    ids=["signing", "chain", "secret", "master", "wrap"],
)
def test_a_missing_key_of_what_exists_is_told_and_not_made(
    tmp_path: Path, ask: Callable[[FileKeys], object]
) -> None:
    with pytest.raises(KeyMissingError, match=r"is missing.*restore it from a backup"):
        ask(FileKeys(tmp_path / "keys", may_make=False))
    assert list(tmp_path.iterdir()) == []


def test_keys_that_were_made_are_found_by_whoever_may_not_make_them(tmp_path: Path) -> None:
    made = FileKeys(tmp_path).secret("repetition")
    assert FileKeys(tmp_path, may_make=False).secret("repetition") == made
