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
    """A person may open work on a project for these purposes, from … until, unless revoked.

    ``restricted``: diseases of level 5 whose rows it releases to the project and to this person.
    """

    approval_id: int
    person: str
    project: str
    purposes: list[str]
    valid_from: datetime
    valid_until: datetime
    approver: str
    revoked_at: datetime | None
    restricted: list[str]


def approve(
    connection: psycopg.Connection,
    person: str,
    project: str,
    purposes: Sequence[str],
    valid_from: datetime,
    valid_until: datetime,
    restricted: Sequence[str] = (),
) -> int:
    """Approve; the connection's login is the approver. Returns the approval's number.

    Args:
        restricted: diseases of level 5 whose rows are released, of those that the project's specification asks for.
            The rows come with the next build of the marts.

    Raises:
        AccessError: the login is not of the committee, or person, project, purposes, dates or diseases are refused.
    """
    return int(
        _call(
            connection,
            "select access.approve(%s, %s, %s, %s, %s, %s)",
            (person, project, list(purposes), valid_from, valid_until, list(restricted)),
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
            "select approval_id, person, project, purposes, valid_from, valid_until, approver, revoked_at,"
            " restricted"
            " from access.approval order by revoked_at is not null, valid_until < now(), approval_id"
        )
    ]


@dataclass(frozen=True)
class Release:
    """A restricted disease that a project asks for: whether its rows were released when the marts were last built.

    ``due`` is what the next build will do; ``until`` the end of the approval that released it.
    """

    project: str
    disease: str
    released: bool
    until: datetime | None
    due: bool


def releases(connection: psycopg.Connection) -> list[Release]:
    """What the projects ask for beyond level 4; empty before the first build.

    Args:
        connection: a role that reads ``intermediate`` and the approvals (``audit``, ``transform``).
    """
    if connection.execute("select to_regclass('intermediate.int_restricted_release')").fetchone() == (None,):
        return []
    return [
        Release(*row)
        for row in connection.execute(
            "select r.project, r.disease, r.released, r.approved_until, exists (select from access.restricted_approval"
            " as a where a.project = r.project and a.disease = r.disease and current_date <= p.valid_until)"
            " from intermediate.int_restricted_release as r"
            " left join reference.research_project as p on p.project = r.project order by 1, 2"
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
