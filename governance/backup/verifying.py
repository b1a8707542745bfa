"""Verification of a place: every file decrypted and hashed, every signature, every chain, and the log without a gap.

It believes nothing but the keyring: not names, not sizes, not a tool's exit status. What it finds names the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from governance.backup.adapter import Fault, Finding, Verification
from governance.backup.archive import Entry, fetch, list_archive, object_path
from governance.backup.keys import BackupKeys
from governance.backup.manifest import MANIFEST
from governance.backup.policy import BackupPolicy
from governance.backup.records import Records, read_records
from governance.backup.store import NOT_BACKUPS, BackupRecord, chain, find_backup, is_being_written
from governance.backup.streams import DamagedError, examine
from governance.backup.timeline import forks, gaps, stretch
from governance.backup.wal import SEGMENT, bounds, position, segment_at
from governance.errors import BackupError


@dataclass(frozen=True)
class Expected:
    """What is known from outside the place, as far as it is.

    Attributes:
        backups: id → SHA-256 of the manifest file, of every backup that the warehouse has recorded and not expired.
        head: the newest segment that the archiver has archived (empty: it never did).
        system_identifier: of the cluster, if it answers.
        runs: the cluster runs, hence the archive must be young.
        unchecked: what could not be learnt, one sentence each.
    """

    backups: Mapping[str, str]
    head: str = ""
    system_identifier: str = ""
    runs: bool = False
    unchecked: tuple[str, ...] = ()


class _Search:
    """One verification: findings as they come, and how much was read."""

    def __init__(self, backups: Path, keys: BackupKeys, lock_file: Path) -> None:
        self.backups, self.keys, self.lock_file = backups, keys, lock_file
        self.findings: list[Finding] = []
        self.unchecked: list[str] = []
        self.files = self.bytes = self.segments = 0
        self.can_read = keys.identity is not None

    def found(self, path: Path, fault: Fault, words: str) -> None:
        name = str(path.relative_to(self.backups))
        self.findings.append(Finding(name, fault, words.replace(f"{path}", "it")))

    def read(self, count: int) -> None:
        self.files += 1
        self.bytes += count


def verify_place(
    backups: Path,
    keys: BackupKeys,
    policy: BackupPolicy,
    lock_file: Path,
    expected: Expected,
    now: datetime,
    *,
    deep: Callable[[BackupRecord], Iterator[str]] | None = None,
) -> Verification:
    """Verify everything in a place.

    Args:
        deep: restores a backup and yields what is wrong with its pages; called for the newest backup of each chain.

    Raises:
        BackupError: the place cannot be read at all.
    """
    try:
        names = sorted(path.name for path in backups.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise BackupError(f"{backups} cannot be read ({error.strerror}); nothing was checked") from error
    search = _Search(backups, keys, lock_file)
    search.unchecked += expected.unchecked
    records = read_records(backups, keys.checker)
    for path, words in records.faults:
        search.found(path, Fault.FORGED, words)
    sound = _backups(search, names, records)
    _missing(search, sound, records, expected)
    for record in sound:
        _files(search, record)
    _chains(search, sound)
    _log(search, sound, records, expected)
    _ages(search, sound, policy, expected, now)
    if deep is not None:
        _pages(search, sound, deep)
    return Verification(
        tuple(search.findings), tuple(search.unchecked), len(sound), search.segments, search.files, search.bytes
    )


def _backups(search: _Search, names: list[str], records: Records) -> list[BackupRecord]:
    """Backups with sound manifests; everything else at the top of the place is a finding."""
    sound = []
    public = search.keys.signer.public_files()
    for name in names:
        path = search.backups / name
        if name in NOT_BACKUPS:
            continue
        if name.startswith("public-key-"):
            if name in public and path.read_bytes() != public[name]:
                search.found(path, Fault.ALTERED, "it is not the public key of this installation")
        elif not path.is_dir():
            search.found(path, Fault.UNKNOWN, "it belongs to no backup; look where it comes from")
        elif name in records.gone():
            search.found(path, Fault.UNKNOWN, "it was destroyed by the retention policy, yet is here; expire again")
        elif not (path / MANIFEST).exists():
            if is_being_written(name, search.lock_file):
                search.unchecked.append(f"{name} is being written, or was cut off and is cleared by the next backup")
            else:
                search.found(path / MANIFEST, Fault.MISSING, "the manifest is missing; this backup cannot be used")
        else:
            try:
                sound.append(find_backup(search.backups, name, search.keys.checker))
                search.read((path / MANIFEST).stat().st_size)
            except BackupError as error:
                search.found(path / MANIFEST, Fault.FORGED, str(error))
    sound.sort(key=lambda record: record.manifest.started_at)
    return sound


def _missing(search: _Search, sound: list[BackupRecord], records: Records, expected: Expected) -> None:
    """Backups that others, or the warehouse, know, and that are gone or are no longer the same."""
    known: dict[str, str] = dict(expected.backups)
    for record in sound:
        known |= record.manifest.known
    present = {record.manifest.backup_id: record.digest for record in sound}
    gone = records.gone()
    named = {finding.file.split("/")[0] for finding in search.findings}
    for name, digest in sorted(known.items()):
        path = search.backups / name / MANIFEST
        if name in present and present[name] != digest:
            search.found(path, Fault.ALTERED, "it is not the manifest that this backup had when others were made")
        elif name not in present and name not in gone and name not in named:
            search.found(path, Fault.MISSING, "the backup is gone, and no record says that it was destroyed")
    for name in records.held():
        if name not in present and name not in named and name not in known:
            search.found(search.backups / name / MANIFEST, Fault.MISSING, "it is on legal hold, and gone")


def _files(search: _Search, record: BackupRecord) -> None:
    stored = {file.name: file for file in record.manifest.files}
    for path in sorted(record.folder.iterdir()):
        if path.name not in stored and path.name != MANIFEST and not path.name.startswith("."):
            search.found(path, Fault.UNKNOWN, "the manifest does not name it")
    for file in stored.values():
        path = record.folder / file.name
        if not path.is_file():
            search.found(path, Fault.MISSING, "it is missing; this backup cannot be restored")
            continue
        try:
            examine(path, search.keys, file.sha256)
        except DamagedError:
            search.found(path, Fault.ALTERED, "its SHA-256 is not the manifest's; this backup cannot be restored")
        except BackupError as error:
            search.found(path, Fault.UNREADABLE, str(error))
        search.read(file.size)


def _chains(search: _Search, sound: list[BackupRecord]) -> None:
    for record in sound:
        try:
            chain(record, search.keys.checker)
        except BackupError as error:
            search.found(record.folder / MANIFEST, Fault.CHAIN, str(error))


def _log(search: _Search, sound: list[BackupRecord], records: Records, expected: Expected) -> None:
    """Every object of the archive, and that nothing is missing between the oldest backup and the newest segment."""
    entries, faults = list_archive(search.backups, search.keys.checker)
    for path, words in faults:
        search.found(path, Fault.FORGED, words)
    _systems(search, sound, entries, expected)
    good = {}
    for name, entry in entries.items():
        try:
            fetch(entry, search.keys)
            good[name] = entry
        except DamagedError as error:
            search.found(entry.path, Fault.ALTERED, str(error))
        except BackupError as error:
            search.found(entry.path, Fault.UNREADABLE, str(error))
        search.read(entry.label.size)
        search.segments += bool(SEGMENT.match(name))
    listed = {path for path, _ in faults} | {entry.path for entry in entries.values()}
    for entry, missing in gaps(entries):
        _gap(search, entry.path.with_name(entry.path.name.replace(entry.name, missing)), listed)
    suite = search.keys.suite
    if expected.head and expected.head not in entries:
        _gap(search, object_path(search.backups, expected.head, suite), listed)
    if not entries:
        if not expected.head:
            search.unchecked.append("there is no archive of the log: only the backups' own ends can be restored")
        return
    forked = forks(good, search.keys)
    for record in sound:
        manifest = record.manifest
        start = position(manifest.start_lsn)
        if start < records.log_before:
            continue  # its log was let go by the policy; it holds what its own end needs
        covered = stretch(entries, forked, manifest)
        last = bounds(covered.entries[-1].name)[2] if covered.entries else start
        if last < position(manifest.end_lsn) and _is_due(manifest.timeline, last, entries, expected):
            _gap(search, object_path(search.backups, segment_at(manifest.timeline, last), suite), listed)


def _is_due(timeline: int, at: int, entries: Mapping[str, Entry], expected: Expected) -> bool:
    """Whether the segment at a position should have been archived by now: later ones were."""
    newest = max((bounds(name)[2] for name in [*entries, expected.head] if SEGMENT.match(name)), default=0)
    return newest > at or segment_at(timeline, at) < expected.head


def _gap(search: _Search, path: Path, listed: set[Path]) -> None:
    if path in listed or any(finding.file == str(path.relative_to(search.backups)) for finding in search.findings):
        return  # it is there, and what is wrong with it was said
    search.found(path, Fault.GAP, "the log has a gap here: nothing after it can be recovered; take a full backup")


def _systems(search: _Search, sound: list[BackupRecord], entries: Mapping[str, Entry], expected: Expected) -> None:
    """Everything in a place is of one cluster."""
    wanted = expected.system_identifier or (sound[-1].manifest.system_identifier if sound else "")
    for record in sound:
        if wanted and record.manifest.system_identifier != wanted:
            search.found(record.folder / MANIFEST, Fault.UNKNOWN, "it is a backup of another cluster")
    for entry in entries.values():
        if wanted and entry.label.system_identifier != wanted:
            search.found(entry.path, Fault.UNKNOWN, "it is log of another cluster")


def _ages(search: _Search, sound: list[BackupRecord], policy: BackupPolicy, expected: Expected, now: datetime) -> None:
    if sound:
        newest = sound[-1]
        age = now - newest.manifest.ended_at
        if age > timedelta(hours=policy.newest_backup_hours):
            hours = age.total_seconds() / 3600
            words = f"the newest backup is {hours:.0f} h old, the policy allows {policy.newest_backup_hours} h"
            search.found(newest.folder / MANIFEST, Fault.OLD, words)
    if not expected.runs:
        return
    entries, _ = list_archive(search.backups, search.keys.checker)
    newest_label = max((entry.label for entry in entries.values()), key=lambda label: label.sealed_at, default=None)
    if newest_label is None:
        return
    seconds = (now - (newest_label.until or newest_label.sealed_at)).total_seconds()
    if seconds > policy.log_archive_seconds:
        path = object_path(search.backups, newest_label.name, search.keys.suite)
        words = f"the archive of the log ends {seconds:.0f} s ago, the policy allows {policy.log_archive_seconds} s"
        search.found(path, Fault.OLD, words)


def _pages(search: _Search, sound: list[BackupRecord], deep: Callable[[BackupRecord], Iterator[str]]) -> None:
    """Restore the newest backup of each chain, which holds every page of the chain that is still in use."""
    parents = {record.manifest.parent for record in sound}
    for record in sound:
        if record.manifest.backup_id not in parents:
            try:
                for words in deep(record):
                    search.found(record.folder / MANIFEST, Fault.PAGE, words)
            except BackupError as error:
                search.found(record.folder / MANIFEST, Fault.PAGE, f"it does not restore: {error}")
