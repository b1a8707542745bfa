"""Connections to the warehouse, one login role a stage.

A role's connection is looked up in this order, so that the same code runs in a DAG and on the command line:

1. the environment variable ``XINGLIN_DSN_<ROLE>`` (a libpq connection string),
2. the runtime's secrets file ``<state>/secrets.json``, key ``dsn_<role>`` (mode 0600, made by ``xinglin up``).

DAG tasks resolve an Airflow connection ``warehouse_<role>`` and hand the connection string over themselves.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from enum import StrEnum
from pathlib import Path

import psycopg
from psycopg import pq, sql

from governance.errors import DatabaseError, SettingsError


class Role(StrEnum):
    """Login roles of the services; each holds only what its stage needs."""

    ADMIN = "admin"  # owns the schemas, applies DDL and grants; used by migrations only
    COLLECT = "collect"  # landing, quarantine, vault: insert
    TRANSFORM = "transform"  # dbt: reads landing, owns base, deid, marts; cannot read ciphertext
    DEIDENTIFY = "deidentify"  # reads ciphertext, writes deid.free_text and vault.pseudonym
    BACKUP = "backup"  # replication and read of everything; writes its own records
    AUDIT = "audit"  # verification: reads everything


def connection_string(role: Role, state: Path) -> str:
    """The libpq connection string of a role.

    Raises:
        SettingsError: neither the environment nor the secrets file knows the role.
    """
    from_environment = os.environ.get(f"XINGLIN_DSN_{role.upper()}")
    if from_environment:
        return from_environment
    secrets = state / "secrets.json"
    try:
        dsn = json.loads(secrets.read_text("utf-8"))[f"dsn_{role}"]
    except (OSError, KeyError, ValueError) as error:
        raise SettingsError(
            f"no connection for the role '{role}': set XINGLIN_DSN_{role.upper()} or start the servers (make up)"
        ) from error
    return str(dsn)


def connect(dsn: str, *, autocommit: bool = False, application: str = "xinglin") -> psycopg.Connection:
    """Open a connection; the caller closes it (``with connect(...) as connection``).

    Raises:
        DatabaseError: the server cannot be reached or refuses the login. The message never holds the password.
    """
    try:
        return psycopg.connect(dsn, autocommit=autocommit, application_name=application)
    except psycopg.OperationalError as error:
        host = psycopg.conninfo.conninfo_to_dict(dsn)
        where = f"{host.get('host')}:{host.get('port')}/{host.get('dbname')} as {host.get('user')}"
        raise DatabaseError(f"cannot connect to {where}; start it (make up), see what runs (xinglin status)") from error


def copied(connection: psycopg.Connection, statement: str | sql.Composed) -> Generator[bytes]:
    """The rows of a ``COPY … TO STDOUT``, in the bytes that the server sends.

    They come from libpq itself, in half of the time per row that ``cursor.copy`` takes. An iteration that is given up
    reads the rest away, so that the connection can be used again; an interrupt is heard with the next row.

    Raises:
        psycopg.Error: the server refuses the statement, or stops in the middle.
    """
    server = connection.pgconn
    text = statement.encode() if isinstance(statement, str) else statement.as_bytes(connection)
    _require(connection, server.exec_(text), pq.ExecStatus.COPY_OUT)
    size = 1
    try:
        while True:
            size, row = server.get_copy_data(0)
            if size <= 0:
                break
            yield bytes(row)
    finally:
        while size > 0:
            size, _ = server.get_copy_data(0)
        for result in list(iter(server.get_result, None)):
            _require(connection, result, pq.ExecStatus.COMMAND_OK)


def _require(connection: psycopg.Connection, result: pq.abc.PGresult, wanted: pq.ExecStatus) -> None:
    if result.status != wanted:
        raise psycopg.errors.error_from_result(result, encoding=connection.info.encoding)
