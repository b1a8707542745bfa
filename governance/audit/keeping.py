"""Keeping the log: take in Airflow's actions, opened work and readings, show life, sign what there is."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import make_conninfo

from governance.access.journal import import_journal
from governance.audit.airflow_log import import_airflow_log
from governance.audit.chain import AuditKeys
from governance.audit.checkpoints import Checkpoint, make_checkpoint
from governance.audit.log import append, heartbeat
from governance.audit.server_log import import_readings
from governance.database import connect
from governance.settings import Settings


def keep_log(audit_dsn: str, settings: Settings, *, airflow_database: str = "airflow") -> Checkpoint | None:
    """Import Airflow's log where there is one, the gate's journal and people's readings; show life, make a checkpoint.

    Args:
        audit_dsn: the role ``audit`` on the warehouse.

    Raises:
        AuditError: a record or the checkpoint was refused.
    """
    keys = AuditKeys.open(settings)
    with connect(audit_dsn, autocommit=True, application="xinglin audit") as connection:
        with connect(
            make_conninfo(audit_dsn, dbname=airflow_database), autocommit=True, application="xinglin audit"
        ) as airflow:
            if _has_log(airflow):
                import_airflow_log(connection, airflow, keys)
        import_journal(connection, keys)
        import_readings(connection, keys)
        append(connection, [heartbeat(settings.audit_heartbeat_hours)], keys)
        return make_checkpoint(connection, keys, settings.audit_checkpoints)


def _has_log(airflow: psycopg.Connection) -> bool:
    """Whether Airflow's tables are there: a warehouse can be used without it."""
    row = airflow.execute("select to_regclass('public.log') is not null").fetchone()
    return bool(row and row[0])
