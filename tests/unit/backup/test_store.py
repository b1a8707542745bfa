"""The backup folder: complete backups or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.backup.store import find_backup, list_backups, writing
from governance.errors import BackupError


def test_an_empty_folder_has_no_backup(tmp_path: Path) -> None:
    assert list_backups(tmp_path / "none") == ([], [])
    with pytest.raises(BackupError, match="no backup"):
        find_backup(tmp_path)


def test_a_backup_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    with writing(tmp_path, "id") as partial:
        (partial / "file").write_bytes(b"x")
        assert not (tmp_path / "id").exists()
    assert (tmp_path / "id" / "file").read_bytes() == b"x"


def test_a_failed_backup_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with writing(tmp_path, "id") as partial:
            (partial / "file").write_bytes(b"x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_what_a_killed_backup_left_is_cleared_by_the_next_and_never_listed(tmp_path: Path) -> None:
    (tmp_path / ".partial-old").mkdir()
    assert list_backups(tmp_path) == ([], [])
    with writing(tmp_path, "id"):
        assert not (tmp_path / ".partial-old").exists()


def test_two_backups_at_a_time_are_refused(tmp_path: Path) -> None:
    with writing(tmp_path, "one"), pytest.raises(BackupError, match="another backup"), writing(tmp_path, "two"):
        pass


def test_a_backup_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "id").mkdir()
    with pytest.raises(BackupError, match="never overwritten"), writing(tmp_path, "id"):
        pass


def test_a_folder_without_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / "20260601T120000Z-00000000").mkdir()
    records, faults = list_backups(tmp_path)
    assert records == []
    assert "manifest.json is missing" in faults[0]
    with pytest.raises(BackupError, match="missing"):
        find_backup(tmp_path)
