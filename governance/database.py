"""Connections to the warehouse, one login role a stage.

A role's connection is looked up in this order, so that the same code runs in a DAG and on the command line:

1. the environment variable ``XINGLIN_DSN_<ROLE>`` (a libpq connection string),
2. the runtime's secrets file ``<state>/secrets.json``, key ``dsn_<role>`` (mode 0600, made by ``xinglin up``).

DAG tasks resolve an Airflow connection ``warehouse_<role>`` and hand the connection string over themselves.
"""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path

import psycopg

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
