"""
# collect 采集

**Purpose.** Read what the hospital's systems have delivered, check each row against its contract, quarantine what
fails, tokenise and encrypt identifiers in memory, and load the rest. One mapped task a source system.

**Reads.** The deliveries folder (`XINGLIN_DELIVERIES`), `include/contracts/<source>/`, the keyring.

**Writes.** `landing.*`, `vault.*`, `quarantine.row`, `governance.batch`, `governance.delivery_file`; the asset
`landing`.

**Rerun.** Any time: clear the failed task or trigger the DAG. Batches that are loaded are recognised by their content
and skipped; a task killed in the middle goes on where it stopped.

**On failure.** The task's last line names the contract or the file and what to do. A malformed contract or an
unreadable file fails its own source; all other sources are loaded and announced, and the DAG run is shown as failed.
Refused rows: `select * from governance.quarantined`.

**Owner.** data-engineering
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import CronTriggerTimetable, dag, task
from airflow.sdk.exceptions import AirflowSkipException
from wiring.assets import LANDING
from wiring.defaults import HOSPITAL_TIME, Pool, Tag, defaults
from wiring.tasks import dsn, final_errors, run_id, settings

from governance.database import Role


@dag(
    dag_id="collect",
    # every night at 02:15, hospital time, when the systems' exports are complete; not at once for a night that is past
    # (that takes a DAG without a start date)
    schedule=CronTriggerTimetable("15 2 * * *", timezone=HOSPITAL_TIME.key, run_immediately=False),
    catchup=False,
    max_active_runs=1,
    default_args=defaults(minutes=240),
    tags=[Tag.LIFECYCLE, Tag.IDENTIFIERS],
    doc_md=__doc__,
)
def collect() -> None:
    @task
    def list_sources() -> list[str]:
        from governance.collection.stage import sources_with_news

        with final_errors():
            return sources_with_news(dsn(Role.COLLECT), settings())

    @task(pool=Pool.COLLECT, map_index_template="{{ source }}")
    def collect_source(source: str) -> dict[str, Any]:
        from dataclasses import asdict

        from governance.collection.stage import collect_source, log_progress

        with final_errors():
            return asdict(collect_source(source, dsn(Role.COLLECT), settings(), run_id(), log_progress))

    @task(trigger_rule="all_done", outlets=[LANDING])
    def announce(tallies: list[dict[str, Any] | None] | None) -> list[str]:
        from governance.collection.loading import Tally
        from governance.lifecycle.collecting import announce

        counts = [Tally(**tally) for tally in tallies or [] if tally]
        behind = announce(dsn(Role.COLLECT), settings(), run_id(), counts)
        if not behind:
            raise AirflowSkipException("nothing new: every later stage is current")
        return behind

    @task(trigger_rule="none_failed")
    def every_source_collected(tallies: list[dict[str, Any]] | None) -> int:
        return sum(tally["rows_in"] for tally in tallies or [])

    tallies = collect_source.expand(source=list_sources())
    announce(tallies)  # type: ignore[arg-type]
    every_source_collected(tallies)  # type: ignore[arg-type]


collect()
