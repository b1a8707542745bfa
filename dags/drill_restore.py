"""
# drill_restore 恢复演练

**Purpose.** Prove every night that the backups restore: bring the cluster back to a random moment on a scratch server,
examine the copy, measure RPO and RTO, sign the evidence, write the report.

**Reads.** The backups and the archived log (`XINGLIN_BACKUPS`, or pgBackRest's repositories), the keyring,
`include/policy/backup.yaml`; of the live warehouse its audit log and, for comparison, its tables.

**Writes.** Evidence and report in the folder `reports` of `XINGLIN_STATE`, `governance.drill`, `governance.incident`,
`audit.record`; after a good drill the asset `recoverable_until`, whose extra says until when all can be restored.

**Rerun.** Any time: each run is a drill of its own. A trigger with `{"latest": true}` recovers as far as the log goes,
one with `{"copy": true}` from the write-once copy, or from pgBackRest's repositories after the first.

**On failure.** A failed drill fails the task at once and leaves an open incident, which the next good drill of its kind
closes. The report names the failed checks; `include/runbooks/drill.md` says what to do for each.

**Owner.** data-engineering
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import CronTriggerTimetable, Param, dag, task
from airflow.sdk.exceptions import AirflowFailException
from wiring.assets import RECOVERABLE_UNTIL
from wiring.defaults import DRILL_SCHEDULE, HOSPITAL_TIME, Pool, Tag, defaults
from wiring.tasks import announce_recoverable, dsn, final_errors, run_id, settings

from governance.database import Role


@dag(
    dag_id="drill_restore",
    # by default every night at 04:30, hospital time, when the night's backup is there (XINGLIN_DRILL_SCHEDULE)
    schedule=CronTriggerTimetable(DRILL_SCHEDULE, timezone=HOSPITAL_TIME.key, run_immediately=False),
    catchup=False,
    max_active_runs=1,
    default_args=defaults(minutes=240),
    params={
        "latest": Param(False, type="boolean", description="as far as the log goes, not to a random moment"),
        "copy": Param(False, type="boolean", description="from the write-once copy, or the further repositories"),
    },
    tags=[Tag.LIFECYCLE],
    doc_md=__doc__,
)
def drill_restore() -> None:
    @task(pool=Pool.BACKUP, outlets=[RECOVERABLE_UNTIL])
    def drill(params: Any = None) -> dict[str, Any]:
        from governance.lifecycle.drilling import drill_restore

        with final_errors():
            chosen = {"latest": bool(params["latest"]), "copy": bool(params["copy"])}
            done = drill_restore(dsn(Role.BACKUP), settings(), run_id(), **chosen)
        if not done.passed:
            failed = ", ".join(check.name for check in done.failures)
            raise AirflowFailException(f"restore drill {done.drill_id} failed: {failed}; see its report")
        announce_recoverable()
        return {"drill": done.drill_id, "rpo_seconds": done.rpo_seconds, "rto_seconds": done.rto_seconds}

    drill()


drill_restore()
