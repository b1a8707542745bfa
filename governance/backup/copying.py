"""The write-once copy: every backup and every object of the log a second time, in another place, under the same names.

Nothing in the copy is overwritten, renamed or removed, so the place may refuse all of that: a folder with ``chattr +a``
whose files are ``+i``, another host's export, a bucket with object lock behind a mount. Files are made read-only; that
alone keeps out accidents, not an attacker with this user's rights (docs/decisions/0020). What a backup needs is copied
before its manifest, so a copy that was cut short is not listed, and the next run completes it. What the retention
policy removes stays in the copy: who may remove it there is for the copy's own custodian.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO

from governance.backup.archive import FOLDER, Entry, intact, list_archive
from governance.backup.keys import BackupKeys
from governance.backup.manifest import MANIFEST
from governance.backup.place import new_file, write_once
from governance.backup.records import HOLDS
from governance.backup.store import BackupRecord, list_backups
from governance.errors import BackupError

_PIECE = 1 << 20
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Copied:
    """What one run added to the copy, and what in the source is unsound and was not copied (one sentence each)."""

    backups: int
    segments: int
    bytes: int
    faults: tuple[str, ...] = ()


def copy_place(source: Path, target: Path, keys: BackupKeys, progress: Progress = lambda _words: None) -> Copied:
    """Bring everything that the copy does not hold yet; each file is checked against its signed digest on the way.

    Raises:
        BackupError: the copy cannot be written, or the two are one place.
    """
    _must_be_apart(source, target)
    records, faults = list_backups(source, keys.checker)
    entries, unsound = list_archive(source, keys.checker)
    problems = [*faults, *(words for _path, words in unsound)]
    backups = segments = size = 0
    for name, content in keys.signer.public_files().items():
        _small(target / name, content)
    for record in records:
        if not (target / record.folder.name / MANIFEST).exists():
            progress(record.manifest.backup_id)
            try:
                size += _copy_backup(record, target)
                backups += 1
            except UnsoundError as error:
                problems.append(str(error))
    for entry in entries.values():
        try:
            added = copy_segment(entry, target)
        except UnsoundError as error:
            problems.append(str(error))
            continue
        segments += bool(added)
        size += added
    for path in sorted((source / HOLDS).glob("*.json")):
        _small(target / HOLDS / path.name, path.read_bytes())
    return Copied(backups, segments, size, tuple(problems))


def copy_segment(entry: Entry, target: Path) -> int:
    """Copy one object of the log; bytes added, 0 if it is there.

    Raises:
        BackupError: the object is damaged, or the copy cannot be written.
    """
    path = target / FOLDER / entry.path.parent.name / entry.path.name
    if path.exists():
        return 0
    try:
        intact(entry)
    except BackupError as error:
        raise UnsoundError(str(error)) from error
    content = entry.path.read_bytes()
    _small(path, content)
    return len(content)


def lock(target: Path) -> bool:
    """Make the copy immutable with the file system's own flags: folders take new names only, files take nothing.

    Returns:
        Whether that was possible: it takes root and a file system that has the flags. Root can take them off again.
    """
    return _flags(target, files="+i", folders="+a")


def unlock(target: Path) -> None:
    """Take the flags off again (the end of an exercise)."""
    _flags(target, files="-i", folders="-a")


class UnsoundError(BackupError):
    """A file of the source is not what was signed; it is not copied."""


def _copy_backup(record: BackupRecord, target: Path) -> int:
    folder, size = target / record.folder.name, 0
    for file in record.manifest.files:
        path, source = folder / file.name, record.folder / file.name
        if path.exists():
            continue  # an earlier run was cut short after it
        digest = sha256()
        with _readable(source) as reading, new_file(path) as writing:
            while piece := reading.read(_PIECE):
                digest.update(piece)
                writing.write(piece)
            if digest.hexdigest() != file.sha256:
                raise UnsoundError(f"{source} is damaged, so {record.manifest.backup_id} was not copied")
        path.chmod(0o400)
        size += file.size
    _small(folder / MANIFEST, (record.folder / MANIFEST).read_bytes())
    folder.chmod(0o500)
    return size


def _readable(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise UnsoundError(f"{path} cannot be read ({error.strerror}); its backup was not copied") from error


def _small(path: Path, content: bytes) -> None:
    if not path.exists():
        write_once(path, content)
        path.chmod(0o400)


def _must_be_apart(source: Path, target: Path) -> None:
    first, second = source.resolve(), target.resolve()
    if first == second or first in second.parents or second in first.parents:
        raise BackupError(f"the copy {target} is not apart from the backups in {source}; name another place")


def _flags(target: Path, *, files: str, folders: str) -> bool:
    program = shutil.which("chattr")
    if program is None:
        return False
    paths = [path for path in target.rglob("*") if not path.is_symlink()]
    ours = [str(path) for path in paths if path.is_file()]
    done = True
    for flag, names in ((files, ours), (folders, [str(path) for path in (target, *paths) if path.is_dir()])):
        for start in range(0, len(names), 500):
            command = [program, flag, "--", *names[start : start + 500]]
            done = subprocess.run(command, capture_output=True, check=False).returncode == 0 and done
    return done
