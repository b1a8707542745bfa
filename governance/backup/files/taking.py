"""Taking a snapshot: what changed since the last one becomes new objects; the signed list of all comes last."""

from __future__ import annotations

import io
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from governance.backup.files.sealing import content_of, fetch, store
from governance.backup.files.snapshot import (
    OBJECTS,
    SNAPSHOTS,
    Contents,
    Entry,
    Listing,
    Snapshot,
    StoredObject,
    read_snapshots,
    write_signed,
)
from governance.backup.files.target import Target
from governance.backup.keys import BackupKeys
from governance.backup.manifest import new_backup_id
from governance.errors import BackupError

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Taken:
    """Result of a run, or of a plan (``snapshot`` is then ``None``): files, and what was or would be newly stored."""

    snapshot: Snapshot | None
    files: int
    bytes: int
    new_objects: int
    new_bytes: int
    left_out: tuple[str, ...]


def take(
    target: Target,
    folders: Mapping[str, Path],
    keys: BackupKeys,
    run_id: str,
    *,
    plan: bool = False,
    progress: Progress | None = None,
) -> Taken:
    """Back up folders into a place.

    A file whose size, times and inode are as in the last snapshot is not read again; any other is, and stored when its
    content is new. An object that the place no longer holds in its signed length is stored anew.

    Args:
        folders: name → folder.
        plan: read and compare, and store nothing.
        progress: called with files done, and files in all.

    Raises:
        BackupError: a file cannot be read or changes while it is read, or the place refuses. Nothing new is listed.
    """
    run = _Run(target, keys, Contents.of(keys), plan)
    last = run.last_listing()
    names = [(f"{name}/{path.relative_to(folder)}", path) for name, folder in folders.items() for path in _walk(folder)]
    files: dict[str, Entry] = {}
    empty: list[str] = []
    left_out: list[str] = []
    for done, (name, path) in enumerate(sorted(names), start=1):
        entry = run.entry(path, last.files.get(name))
        if entry is not None:
            files[name] = entry
        else:
            (empty if path.is_dir() else left_out).append(name)
        if progress is not None:
            progress(done, len(names))
    total = sum(entry.size for entry in files.values())
    if plan:
        return Taken(None, len(files), total, run.made, run.made_bytes, tuple(left_out))
    listing = Listing(files=files, empty_folders=tuple(empty), left_out=tuple(left_out))
    snapshot = run.publish(listing, run_id)
    return Taken(snapshot, len(files), total, run.made, run.made_bytes, tuple(left_out))


class _Run:
    """One run: what the place holds already, and what was added."""

    def __init__(self, target: Target, keys: BackupKeys, contents: Contents, plan: bool) -> None:
        self._target, self._keys, self._contents, self._plan = target, keys, contents, plan
        self._started = datetime.now(UTC)
        listed = target.listing()
        self._snapshots, self._digests, _ = read_snapshots(target, listed, keys)
        self._stored: dict[str, tuple[str, StoredObject]] = {}
        for snapshot in self._snapshots:
            for name, stored in snapshot.objects.items():
                if listed.get(name) == stored.size:
                    self._stored[stored.content] = (name, stored)
        self._needed: dict[str, StoredObject] = {}
        self.made = self.made_bytes = 0

    def last_listing(self) -> Listing:
        """Files of the newest snapshot whose listing can be read, none at first."""
        for snapshot in reversed(self._snapshots):
            try:
                return read_listing(self._target, snapshot, self._keys, self._contents)
            except BackupError:  # verification names it; this run then reads every file
                continue
        return Listing(files={})

    def entry(self, path: Path, last: Entry | None) -> Entry | None:
        """A file or link, stored if its content is new; ``None`` for an empty folder and for what is no file."""
        try:
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                return _entry(status, link=os.readlink(path))  # noqa: PTH115 - as it stands, not resolved
            if not stat.S_ISREG(status.st_mode):
                return None
            if last is not None and last.state == _state(status) and last.content in self._stored:
                content = last.content
            else:
                with path.open("rb") as file:
                    content = content_of(file, self._contents)
            if content in self._stored:
                name, stored = self._stored[content]
                if name not in self._needed and not self._plan:
                    self._target.lock_again(name, self._started)
                self._needed[name] = stored
            else:
                self._add(path, content)
        except OSError as error:
            raise BackupError(f"{path} cannot be read ({error.strerror}); correct its rights, run again") from error
        return _entry(status, content=content)

    def publish(self, listing: Listing, run_id: str) -> Snapshot:
        """Store the listing, then the signed snapshot."""
        content = listing.model_dump_json().encode()
        digest = content_of(io.BytesIO(content), self._contents)
        name = self._put(digest, lambda: io.BytesIO(content))
        snapshot = Snapshot(
            backup_id=new_backup_id(self._started, secrets.token_bytes(4)),
            run_id=run_id,
            started_at=self._started,
            ended_at=datetime.now(UTC),
            listing=name,
            objects=self._needed,
            known=self._digests,
        )
        write_signed(self._target, f"{SNAPSHOTS}/{snapshot.backup_id}.json", snapshot, self._keys, self._started)
        return snapshot

    def _add(self, path: Path, content: str) -> None:
        self.made += 1
        if self._plan:
            self.made_bytes += path.stat().st_size
            self._stored[content] = ("", StoredObject(content=content, size=0, sha256="0" * 64))
            return
        self._put(content, lambda: path.open("rb"))

    def _put(self, content: str, source: Callable[[], io.BufferedIOBase]) -> str:
        name = f"{OBJECTS}/{content[:2]}/{content}-{secrets.token_hex(4)}"
        stored: list[StoredObject] = []

        def write(file: object) -> None:
            with source() as plain:
                stored.append(store(plain, file, self._keys, self._contents))  # type: ignore[arg-type]
            if stored[-1].content != content:
                raise BackupError(
                    f"{getattr(plain, 'name', name)} changes while it is read; run again when it is at rest"
                )

        self._target.put(name, write, self._started)
        self._stored[content] = (name, stored[-1])
        self._needed[name] = stored[-1]
        self.made_bytes += stored[-1].size
        return name


def read_listing(target: Target, snapshot: Snapshot, keys: BackupKeys, contents: Contents) -> Listing:
    """The files of a snapshot.

    Raises:
        BackupError: the object that holds them is missing, altered, or does not open.
    """
    pieces: list[bytes] = []
    wanted = snapshot.objects.get(snapshot.listing)
    if wanted is None:
        raise BackupError(f"{snapshot.backup_id} names no listing; use another snapshot")
    with target.reading(snapshot.listing) as file:
        fetch(file, wanted, keys, contents, pieces.append)
    return Listing.model_validate_json(b"".join(pieces))


def _walk(folder: Path) -> Iterator[Path]:
    """Files, links and what else is no folder below a folder, and its empty folders; links are not followed."""
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        here = Path(parent)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in (*files, *links):
            yield here / name
        if not folders and not files and here != folder:
            yield here


def _refuse(error: OSError) -> None:
    raise BackupError(f"{error.filename} cannot be read ({error.strerror}); correct its rights, run again") from error


def _state(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _entry(status: os.stat_result, *, content: str = "", link: str | None = None) -> Entry:
    mode = stat.S_IMODE(status.st_mode)
    return Entry(
        size=status.st_size, mode=mode, mtime_ns=status.st_mtime_ns, state=_state(status), content=content, link=link
    )
