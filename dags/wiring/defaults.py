"""Retries, timeouts, pools, owners and tags of all DAGs, in one place."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from governance.settings import Settings

HOSPITAL_TIME = ZoneInfo("Asia/Shanghai")
DRILL_SCHEDULE = os.environ.get("XINGLIN_DRILL_SCHEDULE") or str(Settings.model_fields["drill_schedule"].default)
START = datetime(2026, 1, 1, tzinfo=HOSPITAL_TIME)


class Tag(StrEnum):
    """Tags by which the DAG list is filtered."""

    LIFECYCLE = "lifecycle"
    IDENTIFIERS = "handles-identifiers"
    DEIDENTIFIED = "de-identified"


class Pool(StrEnum):
    """Pools that bound what runs at once (include/airflow/pools.json sets their slots)."""

    COLLECT = "collect"
    DBT = "dbt"
    DEIDENTIFY = "deidentify"
    BACKUP = "backup"


def defaults(owner: str = "data-engineering", *, minutes: int = 60) -> dict[str, Any]:
    """Default arguments of a DAG's tasks.

    Args:
        minutes: execution time after which a task is ended and tried again.
    """
    return {
        "owner": owner,
        "retries": 2,
        "retry_delay": timedelta(seconds=20),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=10),
        "execution_timeout": timedelta(minutes=minutes),
    }
