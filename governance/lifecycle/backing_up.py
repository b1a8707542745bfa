"""Back up as a stage: the backup itself, the files beside it, its copy, its record, its watermark, warning signs."""

from __future__ import annotations

import logging

from governance.backup.choosing import adapter_of
from governance.backup.copying import copy_place
from governance.backup.embedded import EmbeddedBackups
from governance.backup.files.recording import back_up_files
from governance.backup.signs.looking import look, remember
from governance.database import connect
from governance.errors import BackupError
from governance.lifecycle.records import Watermark, fingerprint, set_watermark, stage_run
from governance.settings import Settings

_LOG = logging.getLogger(__name__)


def back_up_cluster(dsn: str, settings: Settings, run_id: str) -> dict[str, object]:
    """Take the encrypted backup that the policy wants, full or incremental, then one of the files beside the database.

    The stage's record is in it as running and ends after it. With the embedded adapter, and where a second place is
    named, everything is then copied there; and warning signs are looked for, which open incidents and do not fail the
    stage.

    Args:
        dsn: connection string of the role ``backup``.

    Raises:
        BackupError: no backup appears, or none of the files; older ones are untouched. Or they are complete and the
            copy could not be written.
    """
    with connect(dsn, autocommit=True) as connection:
        before = connection.execute("select coalesce(max(batch_id), 0) from governance.batch").fetchone()
        mark = Watermark(before[0] if before else 0, fingerprint("back_up", settings, connection))
    with stage_run(dsn, run_id, "back_up", settings) as stage:
        backups = adapter_of(settings, dsn)
        made = backups.due(run_id, attempts=2)
        stage.details = {"backup": made.backup_id, "kind": made.kind, "bytes": made.bytes}
        snapshots = [taken.snapshot.backup_id for taken in back_up_files(dsn, settings, run_id) if taken.snapshot]
        stage.details |= {"files": snapshots}
        if isinstance(backups, EmbeddedBackups):
            stage.details |= _copied(backups) | {"warnings": _warned(backups, dsn, run_id)}
    set_watermark(dsn, "back_up", mark, run_id)
    return stage.details


def _copied(backups: EmbeddedBackups) -> dict[str, object]:
    """Bring the write-once copy up to date, if there is one."""
    settings = backups.settings
    if settings.backup_copy is None:
        return {}
    copied = copy_place(settings.backups, settings.backup_copy, backups.keys)
    if copied.faults:
        raise BackupError(f"not everything could be copied to {settings.backup_copy}: {copied.faults[0]}")
    return {"copied_bytes": copied.bytes}


def _warned(backups: EmbeddedBackups, dsn: str, run_id: str) -> list[str]:
    """Look for warning signs and remember them; returns their names."""
    looked = look(backups)
    remember(dsn, looked, run_id)
    for found in looked.warnings:
        _LOG.error("warning sign %s: %s", found.name, found.words)
    return [found.name for found in looked.warnings]
