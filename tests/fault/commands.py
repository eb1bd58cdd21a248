"""The command line, run as its users run it."""

import os
import subprocess
import sys
from pathlib import Path


def provenance(
    *arguments: str | Path, data: Path, code: int = 0, environment: dict[str, str] | None = None
) -> str:
    """Run ``provenance …`` on a data folder; what it printed. Fails unless it exits with ``code``."""
    done = subprocess.run(
        [sys.executable, "-m", "provenance.cli.main", *map(str, arguments)],
        env={**os.environ, "PROVENANCE_DATA": str(data), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, f"{arguments} exited with {done.returncode}: {done.stdout}"
    return done.stdout
