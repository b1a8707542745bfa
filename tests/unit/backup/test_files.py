"""Files in a place: incremental by content, encrypted, never overwritten; verification, restore, retention."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pyrage
import pytest

from anonymization.encryption import Suite
from governance.backup.adapter import Fault
from governance.backup.files import FileBackups
from governance.backup.files.policy import Place, folders_of, load_files_policy, targets_of
from governance.backup.files.target import Target
from governance.backup.keys import BackupKeys
from governance.backup.policy import load_backup_policy
from governance.backup.records import Destroyed
from governance.backup.signing import Signer
from governance.errors import BackupError
from governance.settings import PROJECT, Settings

_IDENTITY = pyrage.x25519.Identity.generate()
_POLICY = load_backup_policy(PROJECT / "include" / "policy" / "backup.yaml")
CANARY = b"16999988776 \xe5\xbc\xa0\xe4\xb8\x89"


def _keys(suite: Suite = Suite.INTL, stream: bytes = b"s" * 32) -> BackupKeys:
    return BackupKeys(
        (str(_IDENTITY.to_public()),), Signer({1: b"k" * 32}), suite, {1: stream}, identity=str(_IDENTITY)
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "one.txt").write_bytes(CANARY)
    (folder / "same.txt").write_bytes(CANARY)
    (folder / "deep" / "er" / "scan-张三.dcm").write_bytes(os.urandom(3_000_000))
    (folder / "zero").write_bytes(b"")
    (folder / "one.txt").chmod(0o640)
    (folder / "link").symlink_to("one.txt")
    return folder


def _at(tmp_path: Path, source: Path, suite: Suite = Suite.INTL) -> FileBackups:
    return FileBackups(Target(Place(url=str(tmp_path / "place"))), {"documents": source}, _keys(suite), _POLICY)


@pytest.fixture
def backups(tmp_path: Path, source: Path) -> FileBackups:
    return _at(tmp_path, source)


def _objects(tmp_path: Path) -> list[Path]:
    return sorted(path for path in (tmp_path / "place" / "objects").rglob("*") if path.is_file())


def test_an_empty_place_proves_nothing(backups: FileBackups, tmp_path: Path) -> None:
    assert backups.verify().exit_status == 2
    with pytest.raises(BackupError, match="no snapshot"):
        backups.restore(tmp_path / "to")


@pytest.mark.parametrize("suite", list(Suite))
def test_a_snapshot_restores_with_content_rights_times_links_and_empty_folders(
    tmp_path: Path, source: Path, suite: Suite
) -> None:
    backups = _at(tmp_path, source, suite)
    taken = backups.take("run")
    assert (taken.files, taken.new_objects) == (5, 3)  # two files are equal
    result = backups.verify()
    assert (result.findings, result.unchecked, result.backups, result.files) == ((), (), 1, 5)
    restored = backups.restore(tmp_path / "to")
    assert (restored.files, restored.differences) == (5, ())
    to = tmp_path / "to" / "documents"
    for path in sorted(source.rglob("*")):
        copy = to / path.relative_to(source)
        assert copy.is_symlink() == path.is_symlink()
        assert copy.is_dir() == path.is_dir()
        if path.is_file() and not path.is_symlink():
            assert copy.read_bytes() == path.read_bytes()
            assert copy.stat().st_mode == path.stat().st_mode
            assert copy.stat().st_mtime_ns == path.stat().st_mtime_ns
    assert (to / "link").readlink() == Path("one.txt")


def test_neither_contents_nor_names_stand_in_the_place_in_plain(backups: FileBackups, tmp_path: Path) -> None:
    backups.take("run")
    everything = b"".join(path.read_bytes() for path in (tmp_path / "place").rglob("*") if path.is_file())
    assert len(everything) > 3_000_000
    for word in (CANARY, "张三".encode(), b"scan-", b"documents"):
        assert word not in everything
    assert sha256(CANARY).hexdigest().encode() not in everything  # a known file cannot be asked for


def test_a_second_run_stores_only_what_is_new_and_reads_only_what_was_touched(
    backups: FileBackups, source: Path, tmp_path: Path
) -> None:
    backups.take("first")
    before = {path: path.read_bytes() for path in (tmp_path / "place").rglob("*") if path.is_file()}
    (source / "new.txt").write_bytes(b"new")
    (source / "one.txt").write_bytes(b"changed")
    (source / "copy.dcm").write_bytes((source / "deep" / "er" / "scan-张三.dcm").read_bytes())
    planned = backups.take("plan", plan=True)
    assert (planned.snapshot, planned.new_objects) == (None, 2)
    taken = backups.take("second")
    assert taken.new_objects == 2
    assert {path: path.read_bytes() for path in before} == before  # nothing was overwritten
    assert backups.verify().findings == ()


def test_a_changed_file_of_equal_size_and_time_is_noticed(backups: FileBackups, source: Path, tmp_path: Path) -> None:
    backups.take("first")
    path = source / "one.txt"
    status = path.stat()
    time.sleep(0.01)
    path.write_bytes(CANARY[::-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert backups.take("second").new_objects == 1
    backups.restore(tmp_path / "to")
    assert (tmp_path / "to" / "documents" / "one.txt").read_bytes() == CANARY[::-1]


def _largest(tmp_path: Path) -> Path:
    return max(_objects(tmp_path), key=lambda path: path.stat().st_size)


def _flip(tmp_path: Path) -> tuple[Path, Fault]:
    path = _largest(tmp_path)
    content = bytearray(path.read_bytes())
    content[1_500_000] ^= 1
    path.write_bytes(content)
    return path, Fault.ALTERED


def _truncate(tmp_path: Path) -> tuple[Path, Fault]:
    path = _largest(tmp_path)
    path.write_bytes(path.read_bytes()[:-1])
    return path, Fault.ALTERED


def _extend(tmp_path: Path) -> tuple[Path, Fault]:
    path = _largest(tmp_path)
    path.write_bytes(path.read_bytes() + b"x")
    return path, Fault.ALTERED


def _swap(tmp_path: Path) -> tuple[Path, Fault]:
    one, other = _objects(tmp_path)[:2]
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    return one, Fault.ALTERED


def _delete(tmp_path: Path) -> tuple[Path, Fault]:
    path = _largest(tmp_path)
    path.unlink()
    return path, Fault.MISSING


def _stranger(tmp_path: Path) -> tuple[Path, Fault]:
    path = tmp_path / "place" / "README.txt"
    path.write_bytes(b"your files are encrypted")
    return path, Fault.UNKNOWN


def _forge(tmp_path: Path) -> tuple[Path, Fault]:
    path = sorted((tmp_path / "place" / "snapshots").iterdir())[-1]
    document = json.loads(path.read_bytes())
    document["objects"].popitem()
    path.write_bytes(json.dumps(document).encode())
    return path, Fault.FORGED


def _remove_snapshot(tmp_path: Path) -> tuple[Path, Fault]:
    path = sorted((tmp_path / "place" / "snapshots").iterdir())[0]
    path.unlink()
    return path, Fault.MISSING


@pytest.mark.parametrize("corrupt", [_flip, _truncate, _extend, _swap, _delete, _stranger, _forge, _remove_snapshot])
def test_each_corruption_is_found_and_named(
    backups: FileBackups, tmp_path: Path, corrupt: Callable[[Path], tuple[Path, Fault]]
) -> None:
    backups.take("first")
    time.sleep(1.1)  # ids of snapshots sort by the second
    backups.take("second")
    path, fault = corrupt(tmp_path)
    result = backups.verify()
    found = [(finding.file, finding.fault) for finding in result.findings]
    assert (str(path.relative_to(tmp_path / "place")), fault) in found
    assert result.exit_status == 1


def test_a_damaged_object_stops_a_restore_and_a_lost_one_is_stored_anew(backups: FileBackups, tmp_path: Path) -> None:
    backups.take("first")
    _truncate(tmp_path)
    with pytest.raises(BackupError, match="cannot be restored"):
        backups.restore(tmp_path / "to")
    assert backups.take("second").new_objects == 1
    assert backups.restore(tmp_path / "again").differences == ()


def test_another_keyring_opens_nothing(backups: FileBackups, tmp_path: Path) -> None:
    backups.take("run")
    other = BackupKeys((), backups.keys.signer, Suite.INTL, {1: b"t" * 32}, str(pyrage.x25519.Identity.generate()))
    stranger = FileBackups(backups.target, backups.folders, other, _POLICY)
    result = stranger.verify()
    assert {finding.fault for finding in result.findings} == {Fault.UNREADABLE}
    assert len(result.findings) == len(_objects(tmp_path))
    with pytest.raises(BackupError, match="cannot be opened"):
        stranger.restore(tmp_path / "to")


def test_an_old_snapshot_is_found(backups: FileBackups) -> None:
    backups.take("run")
    late = FileBackups(
        backups.target, backups.folders, backups.keys, _POLICY, lambda: datetime.now(UTC) + timedelta(days=3)
    )
    assert [finding.fault for finding in late.verify().findings] == [Fault.OLD]


def test_retention_removes_a_snapshot_its_objects_and_what_a_cut_off_run_left(
    backups: FileBackups, source: Path, tmp_path: Path
) -> None:
    once = _POLICY.model_copy(
        update={"keep": _POLICY.keep.model_copy(update={"newest": 1, "days": 0, "weeks": 0, "months": 0, "years": 0})}
    )
    strict = FileBackups(backups.target, backups.folders, backups.keys, once)
    first = strict.take("first").snapshot
    (source / "one.txt").write_bytes(b"changed")
    (source / "same.txt").unlink()
    time.sleep(1.1)
    second = strict.take("second").snapshot
    assert first is not None
    assert second is not None
    told: list[Destroyed] = []
    left = tmp_path / "place" / "objects" / "00" / f"{'0' * 64}-00000000"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"x")
    assert strict.verify().exit_status == 2  # it is said
    plan = strict.expire(told.append, plan=True)
    assert plan.removed == {first.backup_id: "no period of the policy keeps it"}
    assert left.exists()
    strict.expire(told.append)
    assert [set(record.backups) for record in told] == [{first.backup_id}]
    assert [path.stem for path in (tmp_path / "place" / "snapshots").iterdir()] == [second.backup_id]
    assert {f"objects/{path.relative_to(tmp_path / 'place' / 'objects')}" for path in _objects(tmp_path)} == set(
        second.objects
    )
    assert strict.verify().exit_status == 0
    assert strict.restore(tmp_path / "to").differences == ()


def test_the_pipelines_own_folders_are_always_backed_up_and_a_missing_one_stops_it(tmp_path: Path) -> None:
    settings = Settings.from_environment({"XINGLIN_STATE": str(tmp_path / "state")})
    settings.audit_checkpoints.mkdir(parents=True)
    policy = load_files_policy(settings.files_policy)
    assert set(folders_of(policy, settings)) == {
        *("contracts", "policies", "projects", "reference", "audit_checkpoints")
    }
    assert targets_of(policy, settings)[0].url == str(settings.backups / "files")
    absent = policy.model_copy(update={"folders": {"images": tmp_path / "unmounted"}})
    with pytest.raises(BackupError, match="mount it"):
        folders_of(absent, settings)


def test_a_lock_is_refused_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="no object lock"):
        Target(Place(url=str(tmp_path), lock_days=3))


def test_a_place_that_is_no_folder_works_the_same(source: Path, tmp_path: Path) -> None:
    """fsspec's memory file system stands for stores that are not local; write-once is ours there, not the store's."""
    backups = FileBackups(Target(Place(url="memory://test-files")), {"documents": source}, _keys(), _POLICY)
    backups.take("first")
    assert backups.verify().exit_status == 0
    name = next(iter(backups.target.listing()))
    with pytest.raises(BackupError, match="never overwritten"):
        backups.target.put(name, lambda file: file.write(b"x"), datetime.now(UTC))
    assert backups.restore(tmp_path / "to").differences == ()


def test_a_place_below_a_hidden_folder_is_listed(tmp_path: Path, source: Path) -> None:
    hidden = tmp_path / ".state"
    hidden.mkdir()
    there = _at(hidden, source)
    there.take("run")
    assert len(there.snapshots()[0]) == 1
    assert there.verify().exit_status == 0
