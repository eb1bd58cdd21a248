"""Whether a data folder is whole: a restore that was cut off leaves one that is not.

A restore notes in the folder that it has begun before anything else is there, and takes the note
away when all else is in place. Whoever opens stores of the folder asks here first.
"""

from pathlib import Path
from typing import Final

from provenance.db.errors import HalfRestoredError

NOTE: Final = "restoring.json"
"""File of that note."""
STAGING: Final = ".restoring"
"""Folder in which everything is made."""


def check_whole(data_dir: Path) -> None:
    """Refuse a data folder that was restored in part.

    Raises:
        HalfRestoredError: the note of a restore is in it, or what it has staged.

    """
    if (data_dir / NOTE).exists() or (data_dir / STAGING).exists():
        raise HalfRestoredError(
            f"a restore into {data_dir} was cut off: run `provenance restore` again, with the same "
            "PROVENANCE_DATA; it goes on or starts over by itself"
        )
