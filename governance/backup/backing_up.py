"""Write one backup, full or incremental: archives of the whole cluster → zstd (in the server) → encryption → new files.

The row counts and content hashes that a restored copy is compared with are read beside it (:mod:`…contents`).
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import io
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pyarrow as pa

from governance.backup.adapter import BackupKind
from governance.backup.contents import mark_changed, snapshot, table_contents
from governance.backup.keys import BackupKeys
from governance.backup.manifest import Manifest, StoredFile, new_backup_id
from governance.backup.place import write_once
from governance.backup.recording import record_backup
from governance.backup.replication import MANIFEST, Archive, BaseBackup
from governance.backup.store import BackupRecord, chain, find_backup, list_backups, publish, writing
from governance.backup.streams import SUFFIX, encrypt, reveal
from governance.errors import BackupError
from governance.settings import Settings

Progress = Callable[[int, int], None]


def lock_file(settings: Settings) -> Path:
    """The lock that lets one backup be written at a time."""
    return settings.state / "run" / "backup.lock"


def back_up(
    settings: Settings,
    backup_dsn: str,
    keys: BackupKeys,
    run_id: str,
    *,
    since: BackupRecord | None = None,
    attempts: int = 1,
    progress: Progress | None = None,
) -> BackupRecord:
    """Back up the cluster that ``backup_dsn`` leads to, and record it in ``governance.backup``.

    Nothing of the backup stands on disk unencrypted, and it is one only when its manifest, written last, is there.

    Args:
        backup_dsn: the role ``backup`` (REPLICATION and read of everything) on the database ``warehouse``.
        keys: a full backup in suite intl needs no private key; an incremental one reads its parent's file list.
        since: the parent of an incremental backup; by default the backup is a full one.
        attempts: how often to try when a table of a data zone changes meanwhile; the last one counts as it is.
        progress: called with bytes that the server has read, and bytes in all.

    Raises:
        BackupError: the server or the disk failed, or the server no longer knows what changed since the parent; no
            backup appears, older ones are untouched.
        DatabaseError: the server cannot be reached.
    """
    work = _Work(settings, backup_dsn, keys, run_id, since, progress)
    for attempt in range(1, attempts + 1):
        with contextlib.suppress(_DisturbedError):
            record = _once(work, last=attempt == attempts)
            break
    record_backup(backup_dsn, record, settings)
    return record


def newest_chain(settings: Settings, keys: BackupKeys, parent: str | None = None) -> BackupRecord:
    """The backup that an incremental one can build on: the named one or the newest, with all its ancestors sound.

    Raises:
        BackupError: there is none.
    """
    record = find_backup(settings.backups, parent, keys.checker)
    chain(record, keys.checker)
    return record


@dataclass(frozen=True)
class _Work:
    settings: Settings
    dsn: str
    keys: BackupKeys
    run_id: str
    since: BackupRecord | None
    progress: Progress | None


class _DisturbedError(Exception):
    """A table of a data zone was written to meanwhile, and there is another attempt."""


def _once(work: _Work, *, last: bool) -> BackupRecord:
    settings, keys = work.settings, work.keys
    earlier = _earlier_manifest(work)
    started = datetime.now(UTC)
    backup_id = new_backup_id(started, secrets.token_bytes(4))
    known = {record.manifest.backup_id: record.digest for record in list_backups(settings.backups, keys.checker)[0]}
    with (
        writing(settings.backups, backup_id, lock_file(settings)) as folder,
        snapshot(work.dsn) as (connection, taken),
    ):
        server_version = connection.info.server_version
        system, database = _identity(connection)
        with (
            concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="contents") as pool,
            _receiving(work.dsn, earlier, work.progress) as base,
        ):
            hashing = pool.submit(table_contents, connection, taken)
            try:
                files = tuple(_stored(archive, folder, keys) for archive in base.archives())
            except BaseException:
                connection.cancel()  # nobody needs the hashes any more
                raise
            contents = mark_changed(work.dsn, hashing.result(), taken)
        changed = [name for name, table in contents.items() if table.changed]
        if not last and not all(name.startswith(("governance.", "audit.")) for name in changed):
            raise _DisturbedError
        manifest = Manifest(
            backup_id=backup_id,
            kind=BackupKind.INCREMENTAL if work.since else BackupKind.FULL,
            parent=work.since.manifest.backup_id if work.since else None,
            parent_sha256=work.since.digest if work.since else None,
            run_id=work.run_id,
            started_at=started,
            ended_at=datetime.now(UTC),
            suite=keys.suite,
            recipients=keys.recipients,
            files=files,
            server_version=server_version,
            system_identifier=system,
            timeline=base.extent.timeline,
            start_lsn=base.extent.start_lsn,
            end_lsn=base.extent.end_lsn,
            snapshot=taken,
            database=database,
            tables=contents,
            known=known,
        ).signed(keys.signer)
        for name, content in keys.signer.public_files().items():
            write_once(settings.backups / name, content)
        return publish(folder, manifest)


def _earlier_manifest(work: _Work) -> bytes | None:
    """PostgreSQL's manifest of the parent, from which the server knows what is old."""
    if work.since is None:
        return None
    stored = next(file for file in work.since.manifest.files if file.archive == MANIFEST)
    return reveal(work.since.folder / stored.name, work.keys, stored.sha256)


@contextmanager
def _receiving(dsn: str, earlier: bytes | None, progress: Progress | None) -> Iterator[BaseBackup]:
    base = BaseBackup(dsn, earlier, progress)
    try:
        yield base
    finally:
        base.close()


def _stored(archive: Archive, folder: Path, keys: BackupKeys) -> StoredFile:
    """Encrypt one archive into the folder of the backup; the server has compressed all but its manifest."""
    if archive.name == MANIFEST:
        name = f"{MANIFEST}.zst{SUFFIX[keys.suite]}"
        compressed = io.BytesIO(_compressed(archive.read()))
        size, digest = encrypt(compressed, folder / name, keys)
    else:
        name = f"{archive.name}.tar.zst{SUFFIX[keys.suite]}"
        size, digest = encrypt(archive, folder / name, keys)
    return StoredFile(name=name, archive=archive.name, size=size, sha256=digest)


def _compressed(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return bytes(sink.getvalue())


def _identity(connection: psycopg.Connection) -> tuple[str, str]:
    row = connection.execute("select system_identifier::text, current_database() from pg_control_system()").fetchone()
    if row is None:
        raise BackupError("the server does not tell its system identifier; check the backup role's rights (make up)")
    return row[0], row[1]
