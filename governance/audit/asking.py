"""Who read what: decryptions, readings and exports, by table, project or person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg

from governance.audit.encoding import READING_KINDS
from governance.audit.log import commitment
from governance.errors import AuditError


@dataclass(frozen=True)
class Reading:
    """One record of a reading; ``subjects`` is how many persons it names by commitment, ``None`` if not by person."""

    seq: int
    at: datetime
    kind: str
    actor: str
    project: str | None
    purpose: str | None
    object: str | None
    count: int | None
    run: str | None
    subjects: int | None


def who_read(
    connection: psycopg.Connection,
    *,
    since: datetime,
    table: str | None = None,
    project: str | None = None,
    person: str | None = None,
) -> list[Reading]:
    """Readings since a time that concern a table, a project or a person; conditions given together must all hold.

    Args:
        connection: role ``audit`` (the salts that open commitments are in the vault).
        table: ``schema.table``.
        person: person key. Readings of everybody's data are among the answers.

    Raises:
        AuditError: the person is not known (or all that leads to the person has been destroyed).
    """
    subject = None if person is None else _commitment(connection, person)
    rows = connection.execute(
        "select seq, recorded_at, kind, actor, project, purpose, object, count, detail ->> 'run',"
        " case json_typeof(detail -> 'subjects') when 'array' then json_array_length(detail -> 'subjects') end"
        " from audit.record where kind = any(%(kinds)s) and recorded_at >= %(since)s"
        " and (%(project)s::text is null or project = %(project)s)"
        " and (%(table)s::text is null or object = %(table)s or (detail -> 'tables')::jsonb ? %(table)s)"
        " and (%(subject)s::text is null or (detail -> 'subjects')::jsonb ? %(subject)s"
        "      or detail ->> 'subjects' = 'all')"
        " order by seq",
        {
            "kinds": [kind.value for kind in READING_KINDS],
            "since": since, "project": project, "table": table, "subject": subject,
        },
    ).fetchall()  # fmt: skip
    return [Reading(*row) for row in rows]


def _commitment(connection: psycopg.Connection, person: str) -> str:
    try:
        key = UUID(person)
    except ValueError as error:
        raise AuditError("a person is asked for by the person key of base.person_link (a UUID)") from error
    row = connection.execute("select row_salt from vault.pseudonym where person_key = %s", (key,)).fetchone()
    if row is None:
        raise AuditError(f"person {key} has no salt in the vault: unknown or withdrawn, no record leads there")
    return commitment(row[0].bytes, key.hex)
