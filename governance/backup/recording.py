"""Backups in the warehouse's own records; the backup folder does not depend on them."""

from __future__ import annotations

import psycopg
from psycopg.types.json import Jsonb

from governance.audit import AuditKeys, Kind, Record, append
from governance.backup.manifest import MANIFEST
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
    try:
        with connect(dsn, application="xinglin backup") as connection:
            connection.execute(
                "insert into governance.backup"
                " (backup_id, started_at, ended_at, file, bytes, sha256, recipients, rows, hashes, run_id,"
                " kind, parent, timeline, start_lsn, end_lsn)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    *(manifest.backup_id, manifest.started_at, manifest.ended_at),
                    *(f"{record.folder.name}/{MANIFEST}", manifest.size, record.digest),
                    list(manifest.recipients),
                    Jsonb({name: table.rows for name, table in manifest.tables.items()}),
                    Jsonb({name: table.hash for name, table in manifest.tables.items()}),
                    manifest.run_id,
                    *(manifest.kind, manifest.parent, manifest.timeline, manifest.start_lsn, manifest.end_lsn),
                ),
            )
            detail = {
                **{"run": manifest.run_id, "kind": manifest.kind, "parent": manifest.parent},
                **{"bytes": manifest.size, "sha256": record.digest},
            }
            event = Record(Kind.BACKUP, f"backup:{manifest.backup_id}", manifest.rows, detail=detail)
            append(connection, [event], AuditKeys.open(settings))
    except psycopg.Error as error:
        raise BackupError(
            f"backup {manifest.backup_id} is complete in {record.folder}, but governance.backup refused its record "
            f"({str(error).splitlines()[0]}); migrate the warehouse (make up) and back up again"
        ) from error


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
