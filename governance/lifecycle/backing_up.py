"""Back up as a stage: the backup itself, its record, its watermark."""

from __future__ import annotations

from governance.backup.choosing import adapter_of
from governance.backup.files.recording import back_up_files
from governance.database import connect
from governance.lifecycle.records import Watermark, fingerprint, set_watermark, stage_run
from governance.settings import Settings


def back_up_cluster(dsn: str, settings: Settings, run_id: str) -> dict[str, object]:
    """Take the encrypted backup that the policy wants, full or incremental, then one of the files beside the database.

    The stage's record is in it as running and ends after it.

    Args:
        dsn: connection string of the role ``backup``.

    Raises:
        BackupError: no backup appears, or none of the files; older ones are untouched.
    """
    with connect(dsn, autocommit=True) as connection:
        before = connection.execute("select coalesce(max(batch_id), 0) from governance.batch").fetchone()
    with stage_run(dsn, run_id, "back_up", settings) as stage:
        made = adapter_of(settings, dsn).due(run_id, attempts=2)
        stage.details = {"backup": made.backup_id, "kind": made.kind, "bytes": made.bytes}
        snapshots = [taken.snapshot.backup_id for taken in back_up_files(dsn, settings, run_id) if taken.snapshot]
        stage.details |= {"files": snapshots}
    set_watermark(dsn, "back_up", Watermark(before[0] if before else 0, fingerprint("back_up", settings)), run_id)
    return stage.details
