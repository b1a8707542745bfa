"""Back up as a stage: the backup itself, its record, its watermark."""

from __future__ import annotations

from governance.backup.embedded import EmbeddedBackups
from governance.database import connect
from governance.lifecycle.records import Watermark, fingerprint, set_watermark, stage_run
from governance.settings import Settings


def back_up_cluster(dsn: str, settings: Settings, run_id: str) -> dict[str, object]:
    """Take the encrypted backup that the policy wants, full or incremental.

    The stage's record is in it as running and ends after it.

    Args:
        dsn: connection string of the role ``backup``.

    Raises:
        BackupError: no backup appears, older ones are untouched.
    """
    with connect(dsn, autocommit=True) as connection:
        before = connection.execute("select coalesce(max(batch_id), 0) from governance.batch").fetchone()
    with stage_run(dsn, run_id, "back_up", settings) as stage:
        manifest = EmbeddedBackups.of(settings, dsn).due(run_id, attempts=2).manifest
        stage.details = {"backup": manifest.backup_id, "kind": manifest.kind, "bytes": manifest.size}
    set_watermark(dsn, "back_up", Watermark(before[0] if before else 0, fingerprint("back_up", settings)), run_id)
    return stage.details
