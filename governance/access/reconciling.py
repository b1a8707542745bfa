"""Reconciliation: readings in the server's log beside opened work, and what a reader could get past both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg

from governance.access.drift import drift
from governance.access.journal import import_journal
from governance.access.policy import load_policy
from governance.audit.chain import AuditKeys
from governance.audit.server_log import import_readings
from governance.settings import Settings

_READINGS = """
    select r.seq, r.actor, r.project, r.detail ->> 'at', (r.detail -> 'opaque') is not null,
        array(select json_array_elements_text(r.detail -> 'tables'))
    from audit.record as r
    where r.kind = 'reading' and r.detail ->> 'log' is not null and r.recorded_at >= %s
    order by r.seq"""
_DEFINERS = """
    select n.nspname || '.' || p.proname || '(' || oidvectortypes(p.proargtypes) || ')'
    from pg_proc as p inner join pg_namespace as n on n.oid = p.pronamespace
    where p.prosecdef and not exists (
        select from pg_depend as d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
    order by 1"""


@dataclass(frozen=True)
class Reconciled:
    """What was taken into the audit log just now, how many readings were looked at, and what is wrong."""

    events: int
    imported: int
    readings: int
    findings: tuple[str, ...]


def reconcile(connection: psycopg.Connection, settings: Settings, since: datetime) -> Reconciled:
    """Take in the gate's journal and the server's log, then compare.

    Args:
        connection: idle, autocommit, of the role ``audit``.
        since: readings recorded before are not looked at again.

    Raises:
        AuditError: the server's log cannot be read, or ours refused.
        AccessError: contracts, policy or matrix cannot be used.
    """
    keys = AuditKeys.open(settings)
    events, imported = import_journal(connection, keys), import_readings(connection, keys)
    looked_at, findings = _readings(connection, since)
    findings += _server_log(connection) + _definers(connection, settings) + drift(connection, settings)
    return Reconciled(events, imported, looked_at, tuple(findings))


def _readings(connection: psycopg.Connection, since: datetime) -> tuple[int, list[str]]:
    marts: dict[str, str] = dict(
        connection.execute("select schema_name || '.' || table_name, project from access.mart").fetchall()
    )
    rows = connection.execute(_READINGS, (since,)).fetchall()
    findings: list[str] = []
    for seq, actor, project, at, opaque, tables in rows:
        who = f"#{seq} {actor} {at}"
        if opaque:
            findings.append(f"{who}: a statement that hides what it reads")
        for table in tables:
            zone = table.partition(".")[0]
            if table.startswith("pg_catalog."):
                findings.append(f"{who}: reads statistics ({table}), which quote values of columns")
            elif zone in ("specialty", "research") and project is None:
                findings.append(f"{who}: reads {table} without open work")
            elif zone in ("specialty", "research") and marts.get(table) != project:
                findings.append(f"{who}: reads {table} while work is open on {project}")
    return len(rows), findings


def _server_log(connection: psycopg.Connection) -> list[str]:
    settings: dict[str, str] = dict(
        connection.execute(
            "select name, setting from pg_settings where name in ('logging_collector', 'log_destination')"
        ).fetchall()
    )
    if settings.get("logging_collector") == "on" and "jsonlog" in settings.get("log_destination", ""):
        return []
    return [
        "the server writes no JSON log, so no reading is seen; set logging_collector to on, log_destination to jsonlog"
    ]


def _definers(connection: psycopg.Connection, settings: Settings) -> list[str]:
    allowed = set(load_policy(settings).definer_functions)
    return [
        f"function {name} runs with its owner's rights and is not on the list of access.yaml"
        for (name,) in connection.execute(_DEFINERS)
        if name not in allowed
    ]
