"""The assets by which the DAGs meet, each declared once. A stage's DAG runs when the asset before it changes."""

from __future__ import annotations

from airflow.sdk import Asset

LANDING = Asset(name="landing", uri="xinglin://warehouse/landing", group="zone")
BASE = Asset(name="base", uri="xinglin://warehouse/base", group="zone")
DEID = Asset(name="deid", uri="xinglin://warehouse/deid", group="zone")
MARTS = Asset(name="marts", uri="xinglin://warehouse/marts", group="zone")
BACKUPS = Asset(name="backups", uri="xinglin://backups", group="zone")
# its events' extra holds "until": the newest moment that can be restored, ISO 8601
RECOVERABLE_UNTIL = Asset(name="recoverable_until", uri="xinglin://backups/recoverable_until", group="zone")
