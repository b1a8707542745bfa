"""The DAGs as Airflow loads them: exactly the known ones, and each task with what the house demands."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

DAG_IDS = ["back_up", "collect", "deidentify", "drill_restore", "publish", "standardize"]
CHAIN = ["collect", "standardize", "deidentify", "publish", "back_up"]
PAGE = ["Purpose", "Reads", "Writes", "Rerun", "On failure", "Owner"]
OWNERS = {"data-engineering", "data-protection", "research-data"}
UNPOOLED = {"list_sources", "announce", "every_source_collected", "prepare"}  # moments long, they bound nothing


@pytest.fixture(scope="module")
def bag(dags_folder: Path) -> Any:
    from airflow.dag_processing.dagbag import BundleDagBag  # noqa: PLC0415  after conftest has set Airflow's home

    return BundleDagBag(dag_folder=str(dags_folder), bundle_path=dags_folder, bundle_name="dags")


@pytest.fixture(params=DAG_IDS)
def dag(request: pytest.FixtureRequest, bag: Any) -> Any:
    return bag.dags[request.param]


def test_exactly_the_known_dags_load_and_none_fails(bag: Any) -> None:
    assert bag.import_errors == {}
    assert sorted(bag.dags) == DAG_IDS


def test_a_dag_with_a_fault_is_reported(tmp_path: Path) -> None:
    """The check above can fail."""
    from airflow.dag_processing.dagbag import BundleDagBag  # noqa: PLC0415

    (tmp_path / "broken.py").write_text("from airflow.sdk import dag, nothing\n", "utf-8")
    assert BundleDagBag(dag_folder=str(tmp_path), bundle_path=tmp_path, bundle_name="broken").import_errors


def test_a_dag_stands_in_the_file_of_its_name(dag: Any, dags_folder: Path) -> None:
    assert Path(dag.fileloc) == dags_folder / f"{dag.dag_id}.py"


def test_the_page_says_everything_in_its_order(dag: Any) -> None:
    assert re.match(rf"\s*# {dag.dag_id} \w+\n", dag.doc_md)
    assert re.findall(r"^\*\*([\w ]+)\.\*\* \S", dag.doc_md, re.MULTILINE) == PAGE


def test_what_the_page_names_exists(dag: Any) -> None:
    root = Path(__file__).resolve().parents[2]
    for path in re.findall(r"`((?:include|docs)/[\w./-]+?)`", dag.doc_md):
        assert (root / path).exists(), path


def test_every_task_has_retries_a_bounded_time_and_an_owner(dag: Any) -> None:
    assert dag.tasks
    for task in dag.tasks:
        assert task.retries == 2, task.task_id
        assert timedelta(0) < task.retry_delay <= timedelta(minutes=1), task.task_id
        assert task.retry_exponential_backoff, task.task_id
        assert timedelta(minutes=1) <= task.execution_timeout <= timedelta(hours=8), task.task_id
        assert task.owner in OWNERS, task.task_id
    assert {task.owner for task in dag.tasks} == {re.search(r"\*\*Owner\.\*\* (\S+)", dag.doc_md)[1]}  # type: ignore[index]


def test_every_task_that_works_is_in_a_pool_that_exists(dag: Any, dags_folder: Path) -> None:
    pools = json.loads((dags_folder.parent / "include" / "airflow" / "pools.json").read_text("utf-8"))
    for task in dag.tasks:
        if task.task_id in UNPOOLED:
            assert task.pool == "default_pool", task.task_id
        else:
            assert str(task.pool) in pools, task.task_id
            assert pools[str(task.pool)]["slots"] >= 1


def test_the_pools_in_the_file_and_in_the_code_are_the_same(bag: Any, dags_folder: Path) -> None:
    from wiring.defaults import Pool  # type: ignore[import-not-found]  # noqa: PLC0415  on the path once the bag is loaded

    assert bag.dags
    assert set(json.loads((dags_folder.parent / "include" / "airflow" / "pools.json").read_text("utf-8"))) == set(Pool)


def test_tags_are_of_the_known_ones_and_the_lifecycle_is_among_them(bag: Any, dag: Any) -> None:
    from wiring.defaults import Tag  # noqa: PLC0415

    assert {str(tag) for tag in dag.tags} <= set(Tag)
    assert Tag.LIFECYCLE in dag.tags


def test_a_dag_does_not_catch_up_and_runs_once_at_a_time(dag: Any) -> None:
    assert not dag.catchup
    assert dag.max_active_runs == 1
    assert dag.start_date is None or dag.start_date.tzinfo is not None


def test_the_assets_couple_the_dags_into_one_chain(bag: Any) -> None:
    """Each stage is woken by the asset of the one before; only the first has a clock."""
    made = {dag_id: {o.name for task in dag.tasks for o in task.outlets} for dag_id, dag in bag.dags.items()}
    asked = {dag_id: _asked(dag) for dag_id, dag in bag.dags.items()}
    assert asked["collect"] == set()
    clock = bag.dags["collect"].timetable
    assert (clock.expression, str(clock.timezone)) == ("15 2 * * *", "Asia/Shanghai")
    for before, after in pairwise(CHAIN):
        assert asked[after] == made[before], f"{before} → {after}"
        assert len(made[before]) == 1
    assert made["back_up"] == {"backups", "recoverable_until"}


def test_the_drill_has_a_clock_of_its_own_and_announces_until_when_everything_can_be_restored(bag: Any) -> None:
    drill = bag.dags["drill_restore"]
    assert (drill.timetable.expression, str(drill.timetable.timezone)) == ("30 4 * * *", "Asia/Shanghai")
    assert {outlet.name for task in drill.tasks for outlet in task.outlets} == {"recoverable_until"}


def _asked(dag: Any) -> set[str]:
    condition = getattr(dag.timetable, "asset_condition", None)
    return {asset.name for asset in condition.objects} if condition else set()


def test_a_task_announces_its_asset_only_at_the_end(bag: Any) -> None:
    """An asset that changed before the work was done would start the next stage on half of it."""
    for dag in bag.dags.values():
        for task in dag.tasks:
            assert not (task.outlets and task.downstream_task_ids), f"{dag.dag_id}.{task.task_id}"
