"""Take snapshots of the files in every place, and append each to the audit log."""

from __future__ import annotations

from governance.audit import AuditKeys, Kind, Record, append
from governance.backup.adapter import Expiry
from governance.backup.files.places import FileBackups
from governance.backup.files.taking import Progress, Taken
from governance.backup.recording import record_destroyed
from governance.database import connect
from governance.errors import BackupError
from governance.settings import Settings


def back_up_files(dsn: str, settings: Settings, run_id: str, progress: Progress | None = None) -> list[Taken]:
    """One snapshot in each place of the policy.

    Args:
        dsn: the role ``backup``.

    Raises:
        BackupError: a folder is missing, a file cannot be read, or a place refuses; snapshots in the places before it
            are complete.
        AuditError: the audit log refused the record of it; the snapshot itself is complete.
    """
    made = []
    for place in FileBackups.all_of(settings):
        taken = place.take(run_id, progress=progress)
        made.append(taken)
        if taken.snapshot is None:
            continue
        detail = {
            **{"run": run_id, "place": place.target.url, "new_objects": taken.new_objects},
            **{"new_bytes": taken.new_bytes, "left_out": len(taken.left_out)},
        }
        with connect(dsn, application="xinglin backup files") as connection:
            event = Record(Kind.BACKUP, f"files:{taken.snapshot.backup_id}", taken.files, detail=detail)
            append(connection, [event], AuditKeys.open(settings))
    return made


def expire_files(dsn: str | None, settings: Settings, *, plan: bool = False) -> dict[str, Expiry]:
    """Remove what the policy no longer keeps in each place: its url → what went.

    Args:
        dsn: the role ``backup``; a plan needs none.

    Raises:
        BackupError: a snapshot is unsound, a place refuses (its lock is not over), or there is no connection.
        AuditError: the audit log refused the record; nothing of that place was removed.
    """
    if dsn is None and not plan:
        raise BackupError("no connection to the warehouse, whose audit log notes what is destroyed (xinglin up)")
    return {
        place.target.url: place.expire(
            lambda record: record_destroyed(dsn or "", record, settings, "files/"),
            plan=plan,
        )
        for place in FileBackups.all_of(settings)
    }
