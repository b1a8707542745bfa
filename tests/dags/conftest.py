"""Airflow for the DAG tests: its own throw-away home, set before anything imports it; nothing is left behind.

No database is needed: a DAG is parsed, never run, here. Variables are set at import, because Airflow reads them when it
is imported; pytest loads this file before any test module of this folder (and, run whole, before all others).
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

DAGS = Path(__file__).resolve().parents[2] / "dags"

if "airflow" not in sys.modules:  # another test may have needed it first, in a home of its own
    _HOME = tempfile.mkdtemp(prefix="xinglin-airflow-")
    atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
    os.environ |= {
        "AIRFLOW_HOME": _HOME,
        "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_HOME}/airflow.db",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": f"{_HOME}/logs",
    }


@pytest.fixture(scope="session")
def dags_folder() -> Path:
    """The project's DAG folder, by its absolute path."""
    assert DAGS.is_absolute()
    assert DAGS.is_dir()
    return DAGS
