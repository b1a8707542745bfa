"""What the scheduler imports before it forks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import sys
sys.argv = ["airflow", *{arguments!r}]
from governance.runtime.preload import warm
warm()
print("polars" in sys.modules, "dbt.cli.main" in sys.modules)
"""


def _warmed(arguments: list[str], home: Path) -> str:
    environment = {"AIRFLOW_HOME": str(home), "PATH": "/usr/bin:/bin", "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(arguments=arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.splitlines()[-1]


def test_the_scheduler_is_warm_and_has_no_thread_pool_of_polars(tmp_path: Path) -> None:
    assert _warmed(["scheduler", "--skip-serve-logs"], tmp_path) == "False True"


def test_other_commands_import_nothing(tmp_path: Path) -> None:
    assert _warmed(["api-server"], tmp_path) == "False False"
