"""Logins of people: one a person, member of exactly one group, every statement in the server's log."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from governance.audit import AuditKeys, Kind, Record, append
from governance.database import connect
from governance.errors import AccessError

GROUPS = ("engineer", "researcher", "ethics", "auditor")
_LOGIN = re.compile(r"[a-z][a-z0-9_]{2,40}")
_RESERVED = ("xinglin_", "pg_")


@dataclass(frozen=True)
class Person:
    """A login that a person has, or had (``removed_at``)."""

    login: str
    group: str
    added_at: datetime
    removed_at: datetime | None


def enrol(admin_dsn: str, logins: Mapping[str, str]) -> None:
    """Note logins that stand already (group → login) as people's; those that are known are left alone.

    Raises:
        DatabaseError: the warehouse cannot be reached.
    """
    with connect(admin_dsn, application="xinglin access") as connection:
        for group, login in logins.items():
            _note(connection, login, group)


def add(connection: psycopg.Connection, login: str, group: str, keys: AuditKeys) -> str:
    """Make a person's login; returns its password, which is kept nowhere.

    Args:
        connection: role ``admin``.

    Raises:
        AccessError: the login exists, or its name or group is none.
        AuditError: the audit log refused; there is no new login.
    """
    if group not in GROUPS:
        raise AccessError(f"there is no group '{group}'; groups are: {', '.join(GROUPS)}")
    if not _LOGIN.fullmatch(login) or login.startswith(_RESERVED) or login in GROUPS:
        raise AccessError("a login has 3 to 41 of a-z, 0-9 and _, begins with a letter and not with xinglin_ or pg_")
    password = secrets.token_urlsafe(18)
    name, verifier = sql.Identifier(login), _verifier(connection, login, password)
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("create role {} login password {} connection limit 10").format(name, sql.Literal(verifier))
            )
            connection.execute(sql.SQL("alter role {} set log_statement = 'all'").format(name))
            connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(group), name))
            _note(connection, login, group)
            append(connection, [_record(login, group, "added")], keys)
    except psycopg.errors.DuplicateObject as error:
        raise AccessError(f"the login {login} exists already; choose another name") from error
    except psycopg.Error as error:
        raise AccessError(f"the login {login} could not be made: {str(error).splitlines()[0]}") from error
    return password


def remove(connection: psycopg.Connection, login: str, keys: AuditKeys) -> int:
    """Take a person's login away and end its sessions; returns how many. What is recorded of it stays.

    The role itself stays without login, so that nobody gets the same name later.

    Raises:
        AccessError: there is no such person.
        AuditError: the audit log refused; nothing was changed.
    """
    row = connection.execute(
        "select group_name from access.person where login = %s and removed_at is null", (login,)
    ).fetchone()
    if row is None:
        raise AccessError(f"there is no person with the login {login}; see `xinglin access person list`")
    name = sql.Identifier(login)
    with connection.transaction():
        connection.execute(sql.SQL("alter role {} nologin password null").format(name))
        connection.execute(sql.SQL("revoke {} from {}").format(sql.Identifier(row[0]), name))
        connection.execute("update access.person set removed_at = now() where login = %s", (login,))
        append(connection, [_record(login, row[0], "removed")], keys)
    ended = connection.execute(
        "select count(*) filter (where pg_terminate_backend(pid)) from pg_stat_activity where usename = %s", (login,)
    ).fetchone()
    return int(ended[0]) if ended else 0


def people(connection: psycopg.Connection) -> list[Person]:
    """Every login that a person has or had."""
    return [
        Person(*row)
        for row in connection.execute(
            "select login, group_name, added_at, removed_at from access.person order by removed_at is not null, login"
        )
    ]


def _note(connection: psycopg.Connection, login: str, group: str) -> None:
    connection.execute(
        "insert into access.person (login, group_name) values (%s, %s) on conflict (login) do nothing", (login, group)
    )


def _record(login: str, group: str, event: str) -> Record:
    return Record(Kind.GRANT, f"login:{login}", detail={"group": group, "event": event})


def _verifier(connection: psycopg.Connection, login: str, password: str) -> str:
    return connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
