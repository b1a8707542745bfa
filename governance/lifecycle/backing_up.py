"""Back up as a stage: the backup itself, its record, its watermark."""

from __future__ import annotations

import logging

from governance.backup.copying import copy_place
from governance.backup.embedded import EmbeddedBackups
from governance.backup.signs.looking import look, remember
from governance.database import connect
from governance.errors import BackupError
from governance.lifecycle.records import Watermark, fingerprint, set_watermark, stage_run
from governance.settings import Settings

_LOG = logging.getLogger(__name__)


def back_up_cluster(dsn: str, settings: Settings, run_id: str) -> dict[str, object]:
    """Take the encrypted backup that the policy wants, full or incremental.

    The stage's record is in it as running and ends after it.

    Args:
        dsn: connection string of the role ``backup``.

    Where a second place is named, everything is then copied there; and warning signs are looked for, which open
    incidents and do not fail the stage.

    Raises:
        BackupError: no backup appears, older ones are untouched; or it is complete and the copy could not be written.
    """
    with connect(dsn, autocommit=True) as connection:
        before = connection.execute("select coalesce(max(batch_id), 0) from governance.batch").fetchone()
    with stage_run(dsn, run_id, "back_up", settings) as stage:
        backups = EmbeddedBackups.of(settings, dsn)
        manifest = backups.due(run_id, attempts=2).manifest
        stage.details = {"backup": manifest.backup_id, "kind": manifest.kind, "bytes": manifest.size}
        stage.details |= _copied(backups)
        looked = look(backups)
        remember(dsn, looked, run_id)
        stage.details["warnings"] = [found.name for found in looked.warnings]
        for found in looked.warnings:
            _LOG.error("warning sign %s: %s", found.name, found.words)
    set_watermark(dsn, "back_up", Watermark(before[0] if before else 0, fingerprint("back_up", settings)), run_id)
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
