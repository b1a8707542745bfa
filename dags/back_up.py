"""
# back_up 备份

**Purpose.** Take an encrypted backup of the whole cluster after each publication, full or incremental as
`include/policy/backup.yaml` says, with row counts and content hashes of every governed table, so that a restore can be
compared; then of the files beside it. Then sign the audit log.

**Reads.** The database cluster, by replication; the backup keys; for an incremental backup its parent. The folders
of `include/policy/files.yaml`, contracts, policies, projects, reference, audit checkpoints.

**Writes.** One folder a backup under `XINGLIN_BACKUPS`, a snapshot in each place of files, and where one is named a
write-once copy under `XINGLIN_BACKUP_COPY`; `governance.backup`; figures of warning signs and incidents; the assets
`backups` and `recoverable_until`; `audit.record`, `audit.checkpoint` and its file under `XINGLIN_AUDIT_CHECKPOINTS`.

**Rerun.** Any time: each run makes a new backup under a new name and overwrites none.

**On failure.** An incomplete backup is removed by itself and is never listed. Check the space and the rights of the
backup folder; `xinglin backups` lists what is good,
`xinglin backup verify` reads it all. How to restore: `include/runbooks/restore.md`.

**Owner.** data-engineering
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task
from wiring.assets import BACKUPS, MARTS, RECOVERABLE_UNTIL
from wiring.defaults import START, Pool, Tag, defaults
from wiring.tasks import announce_recoverable, dsn, final_errors, run_id, settings

from governance.database import Role


@dag(
    dag_id="back_up",
    schedule=[MARTS],
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=defaults(minutes=480),
    tags=[Tag.LIFECYCLE],
    doc_md=__doc__,
)
def back_up() -> None:
    @task(pool=Pool.BACKUP)
    def back_up_cluster() -> dict[str, Any]:
        from governance.lifecycle.backing_up import back_up_cluster

        with final_errors():
            return back_up_cluster(dsn(Role.BACKUP), settings(), run_id())

    @task(pool=Pool.BACKUP, outlets=[BACKUPS, RECOVERABLE_UNTIL])
    def keep_audit_log() -> int:
        from governance.audit.keeping import keep_log

        with final_errors():
            made = keep_log(dsn(Role.AUDIT), settings())
            announce_recoverable()
            return made.size if made else 0

    back_up_cluster() >> keep_audit_log()


back_up()
