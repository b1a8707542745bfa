"""Actions in Airflow, imported from its own log table: who triggered, cleared, paused or ran what.

The table's ``extra`` column can hold parameters that a user typed, so it stays behind.
"""

from __future__ import annotations

import psycopg

from governance.audit.chain import AuditKeys
from governance.audit.encoding import Kind, Record
from governance.audit.log import append
from governance.errors import AuditError

_IMPORT_LOCK = 7_210_032
_SETTLED = "10 seconds"  # an id is given before its row is committed: younger rows wait for the next import
_BATCH = 10_000


def import_airflow_log(connection: psycopg.Connection, airflow: psycopg.Connection, keys: AuditKeys) -> int:
    """Append every entry of Airflow's log after the last one that was imported; returns how many.

    Args:
        connection: idle, of the role ``audit``, on the warehouse.
        airflow: autocommit, a reader of Airflow's database.

    Raises:
        AuditError: Airflow's log cannot be read, or ours refused.
    """
    total = 0
    try:
        while True:
            with connection.transaction():
                connection.execute("select pg_advisory_xact_lock(%s)", (_IMPORT_LOCK,))
                row = connection.execute(
                    "select (detail ->> 'log_id')::bigint from audit.record where kind = 'airflow'"
                    " order by seq desc limit 1"
                ).fetchone()
                records = _entries(airflow, row[0] if row else 0)
                append(connection, records, keys)
            total += len(records)
            if len(records) < _BATCH:
                return total
    except psycopg.Error as error:
        raise AuditError(f"Airflow's log cannot be imported ({str(error).splitlines()[0]}); is it migrated?") from error


def _entries(airflow: psycopg.Connection, after: int) -> list[Record]:
    rows = airflow.execute(
        "select id, to_char(dttm at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), event, owner, dag_id, task_id, run_id"
        " from log where id > %s and dttm < now() - %s::interval order by id limit %s",
        (after, _SETTLED, _BATCH),
    ).fetchall()
    found = []
    for log_id, at, event, owner, dag, task, run in rows:
        named = {"log_id": log_id, "at": at, "event": event, "task": task, "run": run}
        detail = {name: value for name, value in named.items() if value is not None}
        found.append(Record(Kind.AIRFLOW, f"dag:{dag}" if dag else None, actor=owner or "airflow", detail=detail))
    return found
