"""Heavy imports made once, in the scheduler, before it forks its workers: each task then starts warm.

``<AIRFLOW_HOME>/config/airflow_local_settings.py`` calls :func:`warm`; it acts in the scheduler and in a Celery worker
only. Measured: a dbt task fell from 20 s to 4 s on a busy machine. polars must never be in the list: its thread pool
does not survive a fork.
"""

from __future__ import annotations

import functools
import gc
import importlib
import logging
import sys

MODULES = (
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.providers.postgres.hooks.postgres",
    "psycopg",
    "cryptography.hazmat.primitives.ciphers.aead",
    "dbt.cli.main",
    "dbt.task.build",
    "dbt.adapters.postgres",
    "presidio_analyzer",
    "openlineage.client",
    "openlineage.common.provider.dbt.local",
)
LOCAL_SETTINGS = '''"""Written by Xinglin at each start; see governance/runtime/preload.py."""

from governance.runtime.preload import warm

warm()
'''


def warm() -> None:
    """Import the heavy modules if this process is the parent of tasks; one that is missing is only logged."""
    gc.set_threshold(100_000, 50, 100)  # building the API's thousands of routes and models takes a sixth less time
    if not _is_parent_of_tasks(sys.argv):
        return
    for module in MODULES:
        try:
            importlib.import_module(module)
        except ImportError as error:
            logging.getLogger(__name__).warning("not preloaded: %s (%s)", module, error)
    _keep_task_logs_in_their_files()


def _keep_task_logs_in_their_files() -> None:
    """Stop LocalExecutor from copying every line of a task to the scheduler's log, where secrets are not masked.

    There is no setting for it (Celery has one), so the function that carries the switch is wrapped.
    """
    executor = importlib.import_module("airflow.executors.base_executor").BaseExecutor
    run_workload = executor.run_workload

    @functools.wraps(run_workload)
    def quiet(workload: object, **options: object) -> object:
        return run_workload(workload, **(options | {"subprocess_logs_to_stdout": False}))

    executor.run_workload = staticmethod(quiet)


def _is_parent_of_tasks(arguments: list[str]) -> bool:
    return "scheduler" in arguments[1:2] or arguments[1:3] == ["celery", "worker"]
