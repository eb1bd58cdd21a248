"""What is said of a folder that is no backup."""

from pathlib import Path

import pytest

from provenance.launch.archive import BackupError, read_manifest


def test_a_file_of_a_backup_is_not_taken_for_the_backup(tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    file.write_text("{}")
    with pytest.raises(BackupError, match="name the folder that `provenance backup` made"):
        read_manifest(file)
    with pytest.raises(BackupError, match="holds no backup"):
        read_manifest(tmp_path / "elsewhere")
