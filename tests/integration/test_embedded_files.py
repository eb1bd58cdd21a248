"""Locks, remembered ports and atomic files of the data folder."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.embedded import DurableBlock, durable_block
from provenance.embedded.files import FileLock, remembered_port, write_atomically
from provenance.embedded.snapshots import publish_durable_block

HOLD = """
import sys
from pathlib import Path
from provenance.embedded.files import FileLock

lock = FileLock(Path(sys.argv[1]))
assert lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_is_free_again_when_its_holder_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        lock = FileLock(path)
        assert not lock.acquire()

        holder.kill()
        holder.wait()

    assert lock.acquire()
    lock.release()


def test_a_lock_excludes_a_second_one_of_the_same_process(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock") as first:
        assert first.held
        assert not FileLock(tmp_path / "lock").acquire()


def test_a_port_stays_the_same_from_one_start_to_the_next(tmp_path: Path) -> None:
    port = remembered_port(tmp_path, "rpc")

    assert remembered_port(tmp_path, "rpc") == port
    assert (tmp_path / "run" / "rpc.port").read_text() == f"{port}\n"


def test_a_port_that_somebody_took_is_passed_over(tmp_path: Path) -> None:
    port = remembered_port(tmp_path, "rpc")
    with socket.create_server(("127.0.0.1", port)):
        other = remembered_port(tmp_path, "rpc", preferred=port)

    assert other != port
    assert remembered_port(tmp_path, "rpc") == other


@pytest.mark.parametrize("content", ["", "words", "-1", "0", "99999999"])
def test_a_port_file_without_a_port_is_written_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "rpc.port").write_text(content)

    assert 0 < remembered_port(tmp_path, "rpc") < 65_536


def test_a_file_is_replaced_as_a_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_atomically(path, b"old")

    write_atomically(path, b"new")

    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["secret"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    folder = tmp_path / "target"
    folder.mkdir()
    (folder / "kept").write_bytes(b"old")

    with pytest.raises(OSError, match="target"):
        write_atomically(folder, b"new")

    assert [one.name for one in tmp_path.iterdir()] == ["target"]
    assert (folder / "kept").read_bytes() == b"old"


def test_other_processes_read_which_block_is_durable(tmp_path: Path) -> None:
    assert durable_block(tmp_path) is None
    (tmp_path / "run").mkdir()

    publish_durable_block(tmp_path, DurableBlock(number=7, hash=bytes(range(32))))

    assert durable_block(tmp_path) == (7, bytes(range(32)))
