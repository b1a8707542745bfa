"""Approvals: given and revoked by a member of the ethics committee under the member's own login."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg

from governance.errors import AccessError, SettingsError


@dataclass(frozen=True)
class Approval:
    """A person may open work on a project for these purposes, from … until, unless revoked."""

    approval_id: int
    person: str
    project: str
    purposes: list[str]
    valid_from: datetime
    valid_until: datetime
    approver: str
    revoked_at: datetime | None


def approve(
    connection: psycopg.Connection,
    person: str,
    project: str,
    purposes: Sequence[str],
    valid_from: datetime,
    valid_until: datetime,
) -> int:
    """Approve; the connection's login is the approver. Returns the approval's number.

    Raises:
        AccessError: the login is not of the committee, or person, project, purposes or dates are not acceptable.
    """
    return int(
        _call(
            connection,
            "select access.approve(%s, %s, %s, %s, %s)",
            (person, project, list(purposes), valid_from, valid_until),
            f"the approval of {person} for {project}",
        )
    )


def revoke(connection: psycopg.Connection, approval_id: int) -> int:
    """Revoke an approval, then end the sessions that work under it; returns how many.

    Args:
        connection: autocommit, a login of the committee: sessions are ended after the revocation is committed.

    Raises:
        AccessError: there is no such approval in force, or the login is not of the committee.
    """
    what = f"the revocation of approval {approval_id}"
    _call(connection, "select access.revoke(%s)", (approval_id,), what)
    return int(_call(connection, "select access.end_sessions()", (), what))


def approvals(connection: psycopg.Connection) -> list[Approval]:
    """All approvals, those in force first."""
    return [
        Approval(*row)
        for row in connection.execute(
            "select approval_id, person, project, purposes, valid_from, valid_until, approver, revoked_at"
            " from access.approval order by revoked_at is not null, valid_until < now(), approval_id"
        )
    ]


def login_of_person(name: str, state: Path) -> str:
    """Connection string of a person's login: ``XINGLIN_DSN_<NAME>``, else ``<name>_dsn`` of the secrets file.

    Raises:
        SettingsError: neither is there.
    """
    if given := os.environ.get(f"XINGLIN_DSN_{name.upper()}"):
        return given
    try:
        return str(json.loads((state / "secrets.json").read_text("utf-8"))[f"{name}_dsn"])
    except (OSError, KeyError, ValueError) as error:
        raise SettingsError(
            f"no connection for '{name}': set XINGLIN_DSN_{name.upper()} to a member's own connection string"
        ) from error


def _call(connection: psycopg.Connection, query: str, parameters: Sequence[object], what: str) -> int:
    try:
        row = connection.execute(query.encode(), parameters).fetchone()
    except psycopg.Error as error:
        raise AccessError(f"{what} was refused: {str(error).splitlines()[0]}") from error
    return int(row[0]) if row and str(row[0]).isdigit() else 0
