"""Backups in the warehouse's own records; the backup folder does not depend on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg.types.json import Jsonb

from governance.audit import AuditKeys, Kind, Record, append
from governance.backup.adapter import BackupInfo
from governance.backup.contents import TableContent
from governance.backup.manifest import MANIFEST
from governance.backup.records import Destroyed, Hold
from governance.backup.store import BackupRecord
from governance.database import connect
from governance.errors import BackupError
from governance.settings import Settings


def record_backup(dsn: str, record: BackupRecord, settings: Settings) -> None:
    """Insert a new backup into ``governance.backup`` and append it to the audit log.

    Raises:
        BackupError: the table refused it; the backup itself is complete.
        AuditError: the audit log refused it; likewise.
    """
    manifest = record.manifest
    made = Made(
        manifest.info(),
        f"{record.folder.name}/{MANIFEST}",
        record.digest,
        manifest.recipients,
        manifest.tables,
        manifest.run_id,
    )
    record_made(dsn, made, settings)


@dataclass(frozen=True)
class Made:
    """A backup that was made, whatever made it; ``file`` and ``sha256`` are those of its manifest."""

    info: BackupInfo
    file: str
    sha256: str
    recipients: tuple[str, ...]
    tables: Mapping[str, TableContent]
    run_id: str


def record_made(dsn: str, made: Made, settings: Settings) -> None:
    """Insert a backup into ``governance.backup`` and append it to the audit log; errors as in :func:`record_backup`."""
    info = made.info
    try:
        with connect(dsn, application="xinglin backup") as connection:
            connection.execute(
                "insert into governance.backup"
                " (backup_id, started_at, ended_at, file, bytes, sha256, recipients, rows, hashes, run_id,"
                " kind, parent, timeline, start_lsn, end_lsn)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    *(info.backup_id, info.started_at, info.ended_at),
                    *(made.file, info.bytes, made.sha256),
                    list(made.recipients),
                    Jsonb({name: table.rows for name, table in made.tables.items()}),
                    Jsonb({name: table.hash for name, table in made.tables.items()}),
                    made.run_id,
                    *(info.kind, info.parent, info.timeline, info.start_lsn, info.end_lsn),
                ),
            )
            detail = {
                **{"run": made.run_id, "kind": info.kind, "parent": info.parent},
                **{"bytes": info.bytes, "sha256": made.sha256},
            }
            rows = sum(table.rows for table in made.tables.values())
            event = Record(Kind.BACKUP, f"backup:{info.backup_id}", rows, detail=detail)
            append(connection, [event], AuditKeys.open(settings))
    except psycopg.Error as error:
        raise BackupError(
            f"backup {info.backup_id} is complete, but governance.backup refused its record "
            f"({str(error).splitlines()[0]}); migrate the warehouse (make up) and back up again"
        ) from error


def record_destroyed(dsn: str, record: Destroyed, settings: Settings, place: str = "") -> None:
    """Append what is about to be removed to the audit log, and note it in ``governance.backup``.

    Args:
        place: stands before the ids in a place that is one of several, e.g. ``repo1/``.

    Raises:
        DatabaseError: the server cannot be reached.
        AuditError: the audit log refused it; then nothing may be removed.
    """
    events = [
        Record(Kind.BACKUP, f"backup:{place}{name}", detail={"event": "destroyed", "sha256": digest, "reason": reason})
        for (name, digest), reason in zip(record.backups.items(), record.reasons.values(), strict=True)
    ]
    if record.segments:
        detail = {"event": "destroyed", "before_position": record.log_before}
        events.append(Record(Kind.BACKUP, f"backup:{place}log", record.segments, detail=detail))
    with connect(dsn, application="xinglin backup expire") as connection:
        connection.execute(
            "update governance.backup set expired_at = now() where backup_id = any(%s)",
            ([f"{place}{name}" for name in record.backups],),
        )
        append(connection, events, AuditKeys.open(settings))


def record_hold(dsn: str, record: Hold, settings: Settings, place: str = "") -> None:
    """Append a decision on a legal hold to the audit log; arguments and errors as in :func:`record_destroyed`."""
    with connect(dsn, application="xinglin backup hold") as connection:
        detail = {"event": record.action, "reason": record.reason}
        event = Record(Kind.BACKUP, f"backup:{place}{record.backup_id}", detail=detail)
        append(connection, [event], AuditKeys.open(settings))


def record_restore(dsn: str, backup_id: str, settings: Settings) -> None:
    """Note that a backup was restored and found equal, now; nothing happens if the warehouse does not know it.

    Raises:
        BackupError: the table refused it.
        AuditError: the audit log refused it.
    """
    try:
        with connect(dsn, application="xinglin restore") as connection:
            connection.execute("update governance.backup set restored_at = now() where backup_id = %s", (backup_id,))
            append(connection, [Record(Kind.RESTORE, f"backup:{backup_id}")], AuditKeys.open(settings))
    except psycopg.Error as error:
        raise BackupError(
            f"{backup_id} was restored and is equal, but governance.backup refused to note it "
            f"({str(error).splitlines()[0]}); migrate the warehouse (make up)"
        ) from error
