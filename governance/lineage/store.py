"""Lineage events and column lineage → the schema ``governance``."""

from __future__ import annotations

import json
from collections.abc import Iterable

import psycopg
from openlineage.client.event_v2 import RunEvent
from openlineage.client.serde import Serde

ColumnEdge = tuple[str, str, str, str, str, str, str]
"""schema, table, column, source schema, source table, source column, via."""


class LineageStore:
    """Writes lineage records through an open connection; the caller commits."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def emit(self, events: Iterable[RunEvent]) -> int:
        """Store events in order; returns how many."""
        return self.emit_documents(json.loads(Serde.to_json(event)) for event in events)

    def emit_documents(self, documents: Iterable[dict[str, object]]) -> int:
        """Store events that are already JSON documents."""
        rows = [
            (d["eventTime"], d["eventType"], d["job"]["name"], d["run"]["runId"], json.dumps(d))  # type: ignore[index]
            for d in documents
        ]
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "insert into governance.lineage_event (event_time, event_type, job, run_id, event)"
                " values (%s, %s, %s, %s, %s)",
                rows,
            )
        return len(rows)

    def replace_columns(self, edges: Iterable[ColumnEdge]) -> int:
        """Replace the column lineage of every table that ``edges`` speak of; returns the number of edges."""
        distinct = sorted(set(edges))
        tables = sorted({edge[:2] for edge in distinct})
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "delete from governance.column_lineage where schema_name = %s and table_name = %s", tables
            )
            cursor.executemany("insert into governance.column_lineage values (%s, %s, %s, %s, %s, %s, %s)", distinct)
        return len(distinct)
