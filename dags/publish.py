"""
# publish 发布

**Purpose.** Publish the specialty-disease marts and the tables of every research project, each row with its lineage id,
the run that wrote it, and the policy and contract versions.

**Reads.** `deid.*`, `vault.pseudonym`, `vault.project_salt`, `include/projects/*.yaml` (compiled into models);
`held_back.*` for projects to which `access.restricted_approval` releases rows.

**Writes.** `specialty.*`, `research.*`, `lineage.*`; the asset `marts`.

**Rerun.** Any time; marts are rebuilt whole and replaced in one transaction each.

**On failure.** The error names the failed models and tests; the marts of the last good run stay readable. Details:
`governance.model_run`.

**Owner.** research-data
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task
from wiring.assets import DEID, MARTS
from wiring.defaults import START, Pool, Tag, defaults
from wiring.layers import build

from governance.database import Role


@dag(
    dag_id="publish",
    schedule=[DEID],
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=defaults("research-data", minutes=240),
    tags=[Tag.LIFECYCLE, Tag.DEIDENTIFIED],
    doc_md=__doc__,
)
def publish() -> None:
    @task(pool=Pool.DBT, outlets=[MARTS])
    def build_marts() -> dict[str, Any]:
        return build("publish", Role.TRANSFORM)

    build_marts()


publish()
