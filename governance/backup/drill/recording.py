"""Drills and incidents in the warehouse, and in the audit log. An incident stays open until a good drill closes it."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.types.json import Jsonb

from governance.audit import AuditKeys, Kind, Record, append
from governance.backup.drill.evidence import Evidence
from governance.database import connect
from governance.errors import BackupError
from governance.settings import Settings

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Incident:
    """Something that is open: what, since when, in words."""

    kind: str
    opened_at: datetime
    words: str


def record_drill(dsn: str, evidence: Evidence, settings: Settings) -> None:
    """Insert a drill, open or close the incident of its kind, and append it to the audit log; all or nothing.

    A failed drill is also logged as an error.

    Args:
        dsn: the role ``backup`` on the live warehouse.

    Raises:
        BackupError: the tables refused it; its evidence is in its file all the same.
        AuditError: the audit log refused it; likewise.
    """
    failed = [check.name for check in evidence.failures]
    kind = f"drill:{evidence.kind}"
    try:
        with connect(dsn, application="xinglin drill") as connection:
            connection.execute(
                "insert into governance.drill (drill_id, kind, passed, started_at, ended_at, target, recovered_to,"
                " backup_id, rpo_seconds, rto_seconds, failed_checks, document, run_id)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    *(evidence.drill_id, evidence.kind, evidence.passed, evidence.started_at, evidence.ended_at),
                    *(evidence.target, evidence.recovered_to, evidence.backup_id),
                    *(evidence.rpo_seconds, evidence.rto_seconds, failed),
                    *(Jsonb(evidence.model_dump(mode="json")), evidence.run_id),
                ),
            )
            if evidence.passed:
                close_incident(connection, kind, evidence.drill_id)
            else:
                open_incident(connection, kind, ", ".join(failed) or "nothing could be checked", evidence.drill_id)
            detail = {
                **{"kind": evidence.kind, "passed": evidence.passed, "failed": failed, "run": evidence.run_id},
                **{"backup": evidence.backup_id, "sha256": hashlib.sha256(evidence.content()).hexdigest()},
            }
            event = Record(Kind.DRILL, f"drill:{evidence.drill_id}", len(evidence.checks), detail=detail)
            append(connection, [event], AuditKeys.open(settings))
    except psycopg.Error as error:
        raise BackupError(
            f"drill {evidence.drill_id} was carried out, but governance.drill refused its record "
            f"({str(error).splitlines()[0]}); migrate the warehouse (make up)"
        ) from error
    if not evidence.passed:
        _LOG.error("restore drill %s FAILED: %s", evidence.drill_id, ", ".join(failed))


def open_incident(connection: psycopg.Connection, kind: str, words: str, by: str) -> None:
    """Open an incident; one of its kind that is open already stays as it is."""
    connection.execute(
        "insert into governance.incident (kind, words, opened_by) values (%s, %s, %s)"
        " on conflict (kind) where closed_at is null do nothing",
        (kind, words[:500], by),
    )


def close_incident(connection: psycopg.Connection, kind: str, by: str) -> None:
    """Close the open incident of a kind, if there is one."""
    connection.execute(
        "update governance.incident set closed_at = now(), closed_by = %s where kind = %s and closed_at is null",
        (by, kind),
    )


def open_incidents(dsn: str) -> list[Incident]:
    """What is open, oldest first.

    Raises:
        DatabaseError: the warehouse does not answer.
        BackupError: its schema is older than this program.
    """
    query = "select kind, opened_at, words from governance.incident where closed_at is null order by opened_at"
    try:
        with connect(dsn, application="xinglin status") as connection:
            return [Incident(*row) for row in connection.execute(query).fetchall()]
    except psycopg.Error as error:
        raise BackupError(f"incidents cannot be read ({str(error).splitlines()[0]}); migrate (make up)") from error


def drills(dsn: str, limit: int = 90) -> list[Evidence]:
    """The newest recorded drills, oldest first; errors as in :func:`open_incidents`."""
    query = "select document from governance.drill order by started_at desc limit %s"
    try:
        with connect(dsn, application="xinglin drill") as connection:
            found = [Evidence.model_validate(row[0]) for row in connection.execute(query, (limit,)).fetchall()]
    except psycopg.Error as error:
        raise BackupError(f"drills cannot be read ({str(error).splitlines()[0]}); migrate (make up)") from error
    return found[::-1]
