"""The backup folder: complete backups or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.backup.adapter import BackupKind
from governance.backup.manifest import MANIFEST
from governance.backup.store import chain, find_backup, is_being_written, list_backups, publish, writing
from governance.errors import BackupError
from tests.unit.backup.test_manifest import ID, SIGNER, manifest


def lock(backups: Path) -> Path:
    return backups.with_name(backups.name + ".lock")


def test_an_empty_folder_has_no_backup(tmp_path: Path) -> None:
    assert list_backups(tmp_path / "none") == ([], [])
    with pytest.raises(BackupError, match="no backup"):
        find_backup(tmp_path)


def test_a_folder_is_a_backup_only_when_its_manifest_is_there(tmp_path: Path) -> None:
    with writing(tmp_path, ID, lock(tmp_path)) as folder:
        (folder / "file").write_bytes(b"x")
        assert list_backups(tmp_path)[0] == []
        assert is_being_written(ID, lock(tmp_path))
        publish(folder, manifest())
    assert [record.manifest for record in list_backups(tmp_path)[0]] == [manifest()]
    assert not is_being_written(ID, lock(tmp_path))


def test_a_failed_backup_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with writing(tmp_path, "id", lock(tmp_path)) as folder:
            (folder / "file").write_bytes(b"x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_backup_left_is_cleared_by_the_next_and_what_lost_its_manifest_is_not(tmp_path: Path) -> None:
    (tmp_path / "killed").mkdir()
    (tmp_path / "robbed").mkdir()
    lock(tmp_path).write_text("killed")
    with writing(tmp_path, "id", lock(tmp_path)):
        assert not (tmp_path / "killed").exists()
        assert (tmp_path / "robbed").exists()


def test_an_incremental_backup_needs_the_very_parent_that_it_was_made_from(tmp_path: Path) -> None:
    parent = manifest()
    child_id = "20260602T120000Z-00000001"
    with writing(tmp_path, ID, lock(tmp_path)) as folder:
        made = publish(folder, parent)
    changes = {"backup_id": child_id, "kind": BackupKind.INCREMENTAL, "parent": ID, "parent_sha256": made.digest}
    with writing(tmp_path, child_id, lock(tmp_path)) as folder:
        child = publish(folder, manifest().model_copy(update=changes).signed(SIGNER))
    assert [link.manifest.backup_id for link in chain(child, SIGNER.checker)] == [ID, child_id]
    (tmp_path / ID / MANIFEST).unlink()
    publish(tmp_path / ID, parent.model_copy(update={"run_id": "another"}).signed(SIGNER))
    with pytest.raises(BackupError, match="was made from"):
        chain(child, SIGNER.checker)
    (tmp_path / ID / MANIFEST).unlink()
    with pytest.raises(BackupError, match="ancestor"):
        chain(child, SIGNER.checker)


def test_two_backups_at_a_time_are_refused(tmp_path: Path) -> None:
    with (
        writing(tmp_path, "one", lock(tmp_path)),
        pytest.raises(BackupError, match="another backup"),
        writing(tmp_path, "two", lock(tmp_path)),
    ):
        pass


def test_a_backup_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "id").mkdir()
    with pytest.raises(BackupError, match="cannot be used"), writing(tmp_path, "id", lock(tmp_path)):
        pass


def test_a_folder_without_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / "20260601T120000Z-00000000").mkdir()
    records, faults = list_backups(tmp_path)
    assert records == []
    assert "manifest.json is missing" in faults[0]
    with pytest.raises(BackupError, match="missing"):
        find_backup(tmp_path)
