"""Reading input files within bounds, and writing results so that they appear whole or not at all."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from provenance.cli.exits import MALFORMED, USAGE, fail
from provenance.cli.mistaken import TRUST_FILE, advice

if TYPE_CHECKING:
    from provenance.core.trustfile import TrustFile

MAX_TRUST_BYTES: Final = 1 << 20
"""What the trust file's own format allows."""


def read_bounded(path: Path, *, limit: int) -> bytes:
    """Bytes of ``path``; exits with one line where it cannot be read or is above ``limit``."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}", code=USAGE)
    if len(data) > limit:
        fail(f"{path} has more than {limit} bytes", code=MALFORMED)
    return data


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` beside ``path`` and move it there."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_trust(path: Path) -> "TrustFile":
    """Trust file at ``path``; what is none ends the command."""
    from provenance.core.errors import FormatError
    from provenance.core.trustfile import TrustFile

    data = read_bounded(path, limit=MAX_TRUST_BYTES)
    try:
        return TrustFile.decode(data)
    except FormatError as error:
        said = advice(data, instead_of=TRUST_FILE)
        reason = str(error) if said is None else said
        fail(f"{path} is not a trust file: {reason}", code=MALFORMED)
