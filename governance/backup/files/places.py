"""Files in their places: take, list, verify, restore, expire."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from governance.backup.adapter import Expiry, Fault, Finding, Verification
from governance.backup.files.policy import folders_of, load_files_policy, targets_of
from governance.backup.files.sealing import content_of, fetch
from governance.backup.files.snapshot import (
    EXPIRED,
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
from governance.backup.files.taking import Progress, Taken, read_listing, take
from governance.backup.files.target import Target
from governance.backup.keys import BackupKeys
from governance.backup.policy import BackupPolicy, load_backup_policy
from governance.backup.records import Destroyed
from governance.backup.retention import decide
from governance.errors import BackupError
from governance.keys import open_keyring
from governance.settings import Settings


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class RestoredFiles:
    """A snapshot in a folder: files written, and one sentence for each that is not what the snapshot says."""

    snapshot_id: str
    files: int
    bytes: int
    differences: tuple[str, ...]


@dataclass(frozen=True)
class FileBackups:
    """The files of an installation in one of its places.

    Attributes:
        folders: name → folder, what a run backs up.
        clock: gives the moment by which ages and retention are judged.
    """

    target: Target
    folders: dict[str, Path]
    keys: BackupKeys = field(repr=False)
    policy: BackupPolicy
    clock: Callable[[], datetime] = _now

    @classmethod
    def all_of(cls, settings: Settings) -> list[FileBackups]:
        """One for each place of the policy.

        Raises:
            BackupError: a policy is malformed, a folder is missing, or a place cannot be used.
            KeyringError: the keyring cannot be opened.
        """
        policy = load_files_policy(settings.files_policy)
        folders = folders_of(policy, settings)
        keys = BackupKeys.of(open_keyring(settings.keyring))
        kept = load_backup_policy(settings.backup_policy)
        return [cls(Target(place), folders, keys, kept) for place in targets_of(policy, settings)]

    def take(self, run_id: str, *, plan: bool = False, progress: Progress | None = None) -> Taken:
        """Take a snapshot of every folder; errors as in :func:`governance.backup.files.taking.take`."""
        return take(self.target, self.folders, self.keys, run_id, plan=plan, progress=progress)

    def snapshots(self) -> tuple[list[Snapshot], list[str]]:
        """Sound snapshots, oldest first, and one sentence for each file in their folder that is none.

        Raises:
            BackupError: the place cannot be read.
        """
        found, _, faults = read_snapshots(self.target, self.target.listing(), self.keys)
        return found, [f"{name}: {words}" for name, words in faults]

    def verify(self) -> Verification:
        """Decrypt and hash every object of every snapshot; name what is missing, altered, forged, unknown or too old.

        Objects that no snapshot names, left by a run that was cut off, are sentences in ``unchecked``.

        Raises:
            BackupError: the place cannot be read at all.
        """
        listed = self.target.listing()
        snapshots, digests, faults = read_snapshots(self.target, listed, self.keys)
        findings = [Finding(name, Fault.FORGED, words) for name, words in faults]
        gone, forged = self._gone(listed)
        findings += [Finding(name, Fault.FORGED, words) for name, words in forged]
        known = {name: digest for snapshot in snapshots for name, digest in snapshot.known.items()}
        for name, digest in sorted(known.items()):
            path = f"{SNAPSHOTS}/{name}.json"
            if name not in digests and name not in gone and path not in listed:
                findings.append(
                    Finding(path, Fault.MISSING, "the snapshot is gone, and no record says it was destroyed")
                )
            elif name in digests and digests[name] != digest:
                findings.append(Finding(path, Fault.ALTERED, "it is not what it was when later ones were made"))
        needed = {name: stored for snapshot in snapshots for name, stored in snapshot.objects.items()}
        files, size = len(snapshots), 0
        for name, stored in sorted(needed.items()):
            fault, count = self._examine(name, stored, listed)
            findings += [fault] if fault else []
            files, size = files + (name in listed), size + count
        unchecked = []
        for name in sorted(set(listed) - set(needed)):
            if name.startswith(f"{OBJECTS}/"):
                unchecked.append(
                    f"{name}: no snapshot names it (a run was cut off); `xinglin backup files expire` removes it"
                )
            elif not name.startswith((f"{SNAPSHOTS}/", f"{EXPIRED}/")):
                findings.append(Finding(name, Fault.UNKNOWN, "it belongs to no snapshot; look where it comes from"))
        if snapshots:
            age = self.clock() - snapshots[-1].ended_at
            if age > timedelta(hours=self.policy.newest_backup_hours):
                hours = age.total_seconds() / 3600
                words = f"the newest snapshot is {hours:.0f} h old, {self.policy.newest_backup_hours} h are allowed"
                findings.append(Finding(f"{SNAPSHOTS}/{snapshots[-1].backup_id}.json", Fault.OLD, words))
        return Verification(tuple(findings), tuple(unchecked), len(snapshots), 0, files, size)

    def restore(self, to: Path, snapshot_id: str | None = None) -> RestoredFiles:
        """Write a snapshot's files into an empty or new folder, read them again and compare.

        Raises:
            BackupError: the folder is not empty, there is no such snapshot, or an object is missing or damaged; the
                files that were written by then stay.
        """
        if to.exists() and (not to.is_dir() or any(to.iterdir())):
            raise BackupError(f"{to} is not empty, and a restore overwrites nothing; name a new folder")
        found, faults = self.snapshots()
        wanted = [item for item in found if snapshot_id in (None, item.backup_id)]
        if not wanted:
            raise BackupError("; ".join(faults) or f"there is no snapshot {snapshot_id or ''} in {self.target.url}")
        snapshot, contents = wanted[-1], Contents.of(self.keys)
        listing = read_listing(self.target, snapshot, self.keys, contents)
        by_content = {stored.content: (name, stored) for name, stored in snapshot.objects.items()}
        to.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in listing.empty_folders:
            _inside(to, name).mkdir(mode=0o700, parents=True, exist_ok=True)
        links = {name: entry for name, entry in listing.files.items() if entry.link is not None}
        for name, entry in sorted(listing.files.items()):
            if entry.link is None:
                self._write(_inside(to, name), name, entry, by_content, contents)
        for name, entry in links.items():  # last, so that nothing is written through one
            path = _inside(to, name)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.symlink_to(entry.link or "")
        differences = _compare(to, listing, contents)
        size = sum(entry.size for entry in listing.files.values())
        return RestoredFiles(snapshot.backup_id, len(listing.files), size, differences)

    def expire(self, *, plan: bool = False) -> Expiry:
        """Remove snapshots that the backup policy no longer keeps, and objects that no snapshot needs any more.

        Raises:
            BackupError: a snapshot is unsound, or the place refuses (its lock is not over); names until when.
        """
        listed = self.target.listing()
        snapshots, digests, faults = read_snapshots(self.target, listed, self.keys)
        _, forged = self._gone(listed)
        if faults or forged:
            name, words = (*faults, *forged)[0]
            raise BackupError(
                f"nothing is removed while something is unsound: {name}: {words} (xinglin backup files verify)"
            )
        made = decide(snapshots, {}, self.policy, self.clock())
        needed = {name for snapshot in snapshots if snapshot.backup_id in made.kept for name in snapshot.objects}
        newest = {f"{SNAPSHOTS}/{name}.json" for name in made.removed}
        old = sorted(name for name in listed if name.startswith(f"{OBJECTS}/") and name not in needed)
        size = sum(listed[name] for name in (*old, *newest))
        if not plan and (old or newest):
            self._refuse_locked([*sorted(newest), *old])
            if made.removed:
                record = Destroyed(
                    at=self.clock(),
                    backups={name: digests[name] for name in made.removed},
                    reasons=made.removed,
                    log_before=0,
                    segments=0,
                )
                stamp = f"{self.clock().astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}.json"
                write_signed(self.target, f"{EXPIRED}/{stamp}", record, self.keys, self.clock())
            for name in (*sorted(newest), *old):
                self.target.remove(name)
        return Expiry(made.removed, made.kept, 0, size, done=not plan)

    def _refuse_locked(self, names: list[str]) -> None:
        for name in names:
            until = self.target.locked_until(name)
            if until is not None and until > self.clock():
                raise BackupError(
                    f"{self.target.url}/{name} is locked until {until.astimezone():%Y-%m-%d %H:%M:%S %Z}: "
                    "the place refuses to delete it before; nothing was removed, run this again then"
                )

    def _gone(self, listed: dict[str, int]) -> tuple[set[str], list[tuple[str, str]]]:
        """Snapshots that signed records say were destroyed, and records that are not sound."""
        gone: set[str] = set()
        faults: list[tuple[str, str]] = []
        for name in sorted(name for name in listed if name.startswith(f"{EXPIRED}/")):
            try:
                with self.target.reading(name) as file:
                    document = json.loads(file.read())
                record = Destroyed.model_validate(document)
                if not self.keys.checker.holds(document):
                    raise BackupError("its signature is missing or not of this installation")
                gone |= set(record.backups)
            except (ValueError, ValidationError, BackupError) as error:
                faults.append((name, str(error).splitlines()[0]))
        return gone, faults

    def _examine(self, name: str, stored: StoredObject, listed: dict[str, int]) -> tuple[Finding | None, int]:
        if name not in listed:
            return Finding(name, Fault.MISSING, "it is missing; the snapshots that need it cannot be restored whole"), 0
        try:
            with self.target.reading(name) as file:
                return None, fetch(file, stored, self.keys, Contents.of(self.keys), lambda _: None)
        except BackupError as error:
            fault = Fault.ALTERED if "SHA-256" in str(error) else Fault.UNREADABLE
            return Finding(name, fault, str(error)), 0

    def _write(
        self,
        path: Path,
        name: str,
        entry: Entry,
        by_content: dict[str, tuple[str, StoredObject]],
        contents: Contents,
    ) -> None:
        object_name, stored = by_content[entry.content]
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with self.target.reading(object_name) as source, path.open("xb") as file:
                fetch(source, stored, self.keys, contents, file.write)
        except BackupError as error:
            path.unlink(missing_ok=True)
            raise BackupError(
                f"{name} cannot be restored: {self.target.url}/{object_name}: {error}; files before it are there, "
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
