"""
# deidentify 去标识化

**Purpose.** Scrub new or changed free text in the workers' memory (Presidio with Chinese recognizers, and the patient's
own known identifiers), then build the de-identified tables: pseudonyms, shifted dates, grouped ages.

**Reads.** `vault.*` (ciphertext), `base.*`, `include/policy/deidentification.yaml`, the keyring.

**Writes.** `vault.pseudonym`, `vault.project_salt`, `deid.free_text`, `deid.*`, `held_back.*` (rows of level 5); the
asset `deid`; a sample of the texts that this run scrubbed, for people to look through, in the folder `review` of
`XINGLIN_STATE` (`XINGLIN_REVIEW_TEXTS`; then `xinglin deid review <form>`).

**Rerun.** Any time. Texts that are scrubbed under the current policy are not scrubbed again; a new policy version
scrubs all. One mapped task a shard of persons, one transaction a group of persons.

**On failure.** A text that cannot be scrubbed is withheld and counted, it does not fail the task
(`select withheld, count(*) from deid.free_text group by 1`). A failed task names the table and row whose ciphertext did
not open: compare with a backup.

**Owner.** data-protection
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task
from wiring.assets import BASE, DEID
from wiring.defaults import START, Pool, Tag, defaults
from wiring.layers import build
from wiring.tasks import dsn, final_errors, run_id, settings

from governance.database import Role


@dag(
    dag_id="deidentify",
    schedule=[BASE],
    start_date=START,
    catchup=False,
    max_active_runs=1,
    default_args=defaults("data-protection", minutes=480),
    tags=[Tag.LIFECYCLE, Tag.IDENTIFIERS, Tag.DEIDENTIFIED],
    doc_md=__doc__,
)
def deidentify() -> None:
    @task
    def prepare() -> list[int]:
        from governance.lifecycle.deidentifying import prepare_deidentification

        with final_errors():
            return prepare_deidentification(dsn(Role.DEIDENTIFY), settings(), run_id())

    @task(pool=Pool.DEIDENTIFY)
    def scrub(shard: int) -> dict[str, Any]:
        from dataclasses import asdict

        from governance.deidentification.scrubbing import log_progress, scrub_shard

        configured = settings()
        tally = scrub_shard(shard, configured.shards, dsn(Role.DEIDENTIFY), configured, run_id(), log_progress)
        return asdict(tally)

    @task(pool=Pool.DBT, outlets=[DEID], trigger_rule="none_failed")
    def build_deid() -> dict[str, Any]:
        return build("deidentify", Role.TRANSFORM)

    @task(pool=Pool.DEIDENTIFY, trigger_rule="none_failed")
    def sample_for_review() -> int:
        from governance.deidentification.sampling import sample_of_run

        return sample_of_run(dsn(Role.DEIDENTIFY), settings(), run_id())

    scrub.expand(shard=prepare()) >> [build_deid(), sample_for_review()]


deidentify()
