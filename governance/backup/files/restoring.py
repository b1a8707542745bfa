"""A snapshot of files back into a folder, read again and compared."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from governance.backup.files.sealing import content_of, fetch
from governance.backup.files.snapshot import Contents, Entry, Listing, StoredObject
from governance.backup.files.taking import read_listing
from governance.errors import BackupError

if TYPE_CHECKING:
    from governance.backup.files.places import FileBackups


@dataclass(frozen=True)
class RestoredFiles:
    """A snapshot in a folder: files written, and one sentence for each that is not what the snapshot says."""

    snapshot_id: str
    files: int
    bytes: int
    differences: tuple[str, ...]


def restore_snapshot(place: FileBackups, to: Path, snapshot_id: str | None = None) -> RestoredFiles:
    """Write a snapshot's files into an empty or new folder, read them again and compare.

    Raises:
        BackupError: the folder is not empty, there is no such snapshot, or an object is missing or damaged; the
            files that were written by then stay.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise BackupError(f"{to} is not empty, and a restore overwrites nothing; name a new folder")
    found, faults = place.snapshots()
    wanted = [item for item in found if snapshot_id in (None, item.backup_id)]
    if not wanted:
        raise BackupError("; ".join(faults) or f"there is no snapshot {snapshot_id or ''} in {place.target.url}")
    snapshot, contents = wanted[-1], Contents.of(place.keys)
    listing = read_listing(place.target, snapshot, place.keys, contents)
    by_content = {stored.content: (name, stored) for name, stored in snapshot.objects.items()}
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in listing.empty_folders:
        _inside(to, name).mkdir(mode=0o700, parents=True, exist_ok=True)
    links = {name: entry for name, entry in listing.files.items() if entry.link is not None}
    for name, entry in sorted(listing.files.items()):
        if entry.link is None:
            _write(place, _inside(to, name), name, entry, by_content, contents)
    for name, entry in links.items():  # last, so that nothing is written through one
        path = _inside(to, name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.symlink_to(entry.link or "")
    differences = _compare(to, listing, contents)
    size = sum(entry.size for entry in listing.files.values())
    return RestoredFiles(snapshot.backup_id, len(listing.files), size, differences)


def _write(
    place: FileBackups,
    path: Path,
    name: str,
    entry: Entry,
    by_content: dict[str, tuple[str, StoredObject]],
    contents: Contents,
) -> None:
    object_name, stored = by_content[entry.content]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with place.target.reading(object_name) as source, path.open("xb") as file:
            fetch(source, stored, place.keys, contents, file.write)
    except BackupError as error:
        path.unlink(missing_ok=True)
        raise BackupError(
            f"{name} cannot be restored: {place.target.url}/{object_name}: {error}; files before it are there, "
            "use another snapshot or another place for all of them"
        ) from error
    path.chmod(entry.mode)
    os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns))


def _inside(to: Path, name: str) -> Path:
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts:
        raise BackupError(f"the snapshot names a file outside its folder ({name!r})")
    return to.joinpath(*parts.parts)


def _compare(to: Path, listing: Listing, contents: Contents) -> tuple[str, ...]:
    """Every file on disk against the listing, and that nothing else is there."""
    differences = []
    for name, entry in listing.files.items():
        path = _inside(to, name)
        if entry.link is not None:
            if not path.is_symlink() or os.readlink(path) != entry.link:  # noqa: PTH115 - as it stands
                differences.append(f"{name}: the link leads elsewhere")
            continue
        with path.open("rb") as file:
            if content_of(file, contents) != entry.content:
                differences.append(f"{name}: its content is not what was backed up")
    present = {str(path.relative_to(to)) for path in to.rglob("*") if path.is_symlink() or not path.is_dir()}
    differences += [f"{name}: not in the snapshot" for name in sorted(present - set(listing.files))]
    return tuple(differences)
