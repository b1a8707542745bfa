"""How far landing is complete: the batch up to which a later stage may read."""

from __future__ import annotations

import psycopg

LANDING_LOCK = 7_210_002


def horizon(connection: psycopg.Connection) -> int:
    """The greatest batch id up to which every batch is committed or will never be."""
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (LANDING_LOCK,))
        row = connection.execute("select coalesce(max(batch_id), 0) from governance.batch").fetchone()
    return int(row[0]) if row else 0
