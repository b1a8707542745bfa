"""
# standardize 标准化

**Purpose.** Clean, code and unify what landed into one model: one person a human being, one unit a test, one table a
subject. One task runs the whole dbt layer.

**Reads.** `landing.*`; value sets and code maps (dbt seeds).

**Writes.** `staging.*` (views), `base.*`, `governance.model_run`, lineage; the asset `base`.

**Rerun.** Any time. Models are incremental by batch; a changed model or contract rebuilds the layer.

**On failure.** The error names the failed models and tests; each node's state, seconds, rows and message stand in the
task's log, its XCom `models` and `governance.model_run`. Mend the model or the data's contract, then clear the task.

**Owner.** data-engineering
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task
from wiring.assets import BASE, LANDING
from wiring.defaults import START, Pool, Tag, defaults
from wiring.layers import build

from governance.database import Role


@dag(
    dag_id="standardize",
    schedule=[LANDING],
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=defaults(minutes=240),
    tags=[Tag.LIFECYCLE],
    doc_md=__doc__,
)
def standardize() -> None:
    @task(pool=Pool.DBT, outlets=[BASE])
    def build_base() -> dict[str, Any]:
        return build("standardize", Role.TRANSFORM)

    build_base()


standardize()
