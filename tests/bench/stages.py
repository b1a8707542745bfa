"""Time of each stage at several sizes of the sample hospital, the exponent of growth, and dbt beside bare dbt."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from governance.collection.stage import collect_source, sources
from governance.database import Role, connection_string
from governance.deidentification.scrubbing import scrub_shard
from governance.lifecycle.backing_up import back_up_cluster
from governance.lifecycle.collecting import announce
from governance.lifecycle.deidentifying import prepare_deidentification
from governance.lifecycle.layers import build_layer
from governance.settings import Settings
from include.sample_hospital import generate
from tests.bench.measure import Results, environment_of, scratch_site

STAGES = ("collect", "standardize", "deidentify", "publish", "back_up")


def measure_stages(results: Results, folder: Path, sizes: list[int]) -> None:
    """Stage times at each size, the growth between the least and the greatest, and a repeated run with nothing new."""
    times: dict[int, dict[str, float]] = {}
    for size in sizes:
        site = folder / str(size)
        started = time.perf_counter()
        generate(site / "deliveries", patients=size, daily_deliveries=1, answer_key=site / "answer_key")
        results.add("stages", f"{size:,} patients: sample written", time.perf_counter() - started, "s")
        with scratch_site(site, site / "deliveries") as (settings, _server):
            command = [sys.executable, "-m", "tests.bench.stages"]
            done = subprocess.run(
                command, env={**os.environ, **environment_of(settings)}, stdout=subprocess.PIPE, text=True, check=True
            )
            times[size] = json.loads(done.stdout.splitlines()[-1])
            for stage in STAGES:
                results.add("stages", f"{size:,} patients: {stage}", times[size][stage], "s")
            total = sum(times[size][stage] for stage in STAGES)
            again = times[size]["again"]
            results.add("stages", f"{size:,} patients: nothing new", 100 * again / total, "% of the first", "10")
            if size == sizes[0]:
                ratio = times[size]["dbt"] / times[size]["bare_dbt"]
                results.add("dbt", "layer as a task against bare dbt build", ratio, "times", "≤ 1.5", "standardize")
    if len(sizes) > 1:
        least, most = sizes[0], sizes[-1]
        for stage in STAGES:
            growth = math.log(times[most][stage] / times[least][stage]) / math.log(most / least)
            results.add("growth", f"{stage}, {least:,} → {most:,} patients", growth, "exponent", "about 1")


def run_once() -> dict[str, float]:
    """Run all stages on the site that the environment names; seconds by stage."""
    settings = Settings.from_environment()
    seconds: dict[str, float] = {}
    first = _lifecycle(settings, "bench-1", seconds)
    assert first
    started = time.perf_counter()
    assert not _collect(settings, "bench-2")
    seconds["again"] = time.perf_counter() - started
    started = time.perf_counter()
    build_layer("standardize", connection_string(Role.TRANSFORM, settings.state), settings, "bench-3")
    seconds["dbt"] = time.perf_counter() - started
    seconds["bare_dbt"] = _bare_dbt(settings)
    return seconds


def _lifecycle(settings: Settings, run_id: str, seconds: dict[str, float]) -> list[str]:
    def timed(stage: str, since: float) -> float:
        now = time.perf_counter()
        seconds[stage] = now - since
        return now

    def dsn(role: Role) -> str:
        return connection_string(role, settings.state)

    since = time.perf_counter()
    behind = _collect(settings, run_id)
    since = timed("collect", since)
    build_layer("standardize", dsn(Role.TRANSFORM), settings, run_id)
    since = timed("standardize", since)
    shards = prepare_deidentification(dsn(Role.DEIDENTIFY), settings, run_id)
    # not forked: the threads of polars and ONNX, which this process has used, do not live on in a child
    with ProcessPoolExecutor(len(shards), mp_context=get_context("spawn")) as workers:
        jobs = [workers.submit(scrub_shard, n, settings.shards, dsn(Role.DEIDENTIFY), settings, run_id) for n in shards]
        for job in jobs:
            job.result()
    build_layer("deidentify", dsn(Role.TRANSFORM), settings, run_id)
    since = timed("deidentify", since)
    build_layer("publish", dsn(Role.TRANSFORM), settings, run_id)
    since = timed("publish", since)
    back_up_cluster(dsn(Role.BACKUP), settings, run_id)
    timed("back_up", since)
    return behind


def _collect(settings: Settings, run_id: str) -> list[str]:
    dsn = connection_string(Role.COLLECT, settings.state)
    tallies = [collect_source(source, dsn, settings, run_id) for source in sources(settings)]
    return announce(dsn, settings, run_id, tallies)


def _bare_dbt(settings: Settings) -> float:
    """The same layer by a user's own ``dbt build``, in a process that has dbt loaded and parsed the project before."""
    from dbt.cli.main import dbtRunner  # noqa: PLC0415

    from governance.transformation.parsed import parse  # noqa: PLC0415
    from governance.transformation.run import dbt_environment  # noqa: PLC0415

    dsn = connection_string(Role.TRANSFORM, settings.state)
    folder = str(settings.dbt_project)
    with dbt_environment(dsn, {"run_id": "bench-4"}, settings.state / "dbt"):
        parse(settings.dbt_project, settings.state / "dbt")
        started = time.perf_counter()
        arguments = ["build", "--select", "tag:standardize", "--project-dir", folder, "--profiles-dir", folder]
        assert dbtRunner().invoke([*arguments, "--quiet"]).success
        return time.perf_counter() - started


if __name__ == "__main__":
    print(json.dumps(run_once()))
