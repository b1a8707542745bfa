"""What a server must hold before anything runs: databases, login roles, their passwords, the schema, the keyring.

Safe to repeat; what exists is left alone. Passwords reach the server as scram verifiers, never in the clear.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import LiteralString
from urllib.parse import quote, urlencode

import psycopg
from cryptography.fernet import Fernet
from psycopg import sql
from psycopg.conninfo import make_conninfo

from governance.access.people import GROUPS, enrol
from governance.database import Role
from governance.errors import DatabaseError
from governance.keys import create_keyring
from governance.migrate import migrate
from governance.runtime.postgres import SUPERUSER, PostgresServer
from governance.runtime.secrets import Secrets
from governance.settings import Settings

WAREHOUSE, AIRFLOW = "warehouse", "airflow"
SERVICE = "service"  # the logins of the services are members
AUDIT_APPENDER = "audit_appender"  # may append to the audit log; the services are members
MART_OWNER = "mart_owner"  # owns the marts; nobody logs in as it
ACCESS_KEEPER = "access_keeper"  # owns what decides on reading (schema access); nobody logs in as it
DEMO_LOGINS = {"researcher": "demo_researcher", "ethics": "demo_ethics", "auditor": "demo_auditor"}
_AIRFLOW_LOGIN = "xinglin_airflow"


def login_of(role: Role) -> str:
    """The user name of a service role."""
    return f"xinglin_{role}"


_MEMBERSHIPS = {  # roles whose rights a service needs: PostgreSQL's own, the appender's, the owners of schemas
    Role.ADMIN: (login_of(Role.TRANSFORM), MART_OWNER),
    Role.COLLECT: (AUDIT_APPENDER,),
    Role.TRANSFORM: (AUDIT_APPENDER, MART_OWNER),
    Role.DEIDENTIFY: (AUDIT_APPENDER,),
    Role.BACKUP: (AUDIT_APPENDER, "pg_read_all_data", "pg_checkpoint"),
    Role.AUDIT: (AUDIT_APPENDER, "pg_read_all_data", "pg_monitor", "pg_checkpoint"),
}
_PASSES_ROW_SECURITY = (Role.BACKUP, Role.AUDIT)  # what compares and proves must see every row
_KEEPER_NEEDS = ("pg_read_all_stats", "pg_signal_backend")  # to know a session for certain, to end one
_HELD_ONLY: LiteralString = ", inherit false, set false"
_SET_ONLY: LiteralString = " with inherit false, set true"
# The administrator makes people's logins: members of the groups, with their statements in the server's log.
_ADMIN_RIGHTS = (
    "alter role {admin} createrole",
    "grant pg_signal_backend to {admin}",
    "grant engineer, researcher, ethics, auditor to {admin} with admin option" + _HELD_ONLY,
    "grant access_keeper to {admin}" + _SET_ONLY,
    "grant set on parameter log_statement to {admin}",
)
# In the warehouse. Without a language nobody makes a function; nor has a person temporary tables to keep rows in.
_WAREHOUSE_RIGHTS = (
    "revoke usage on language plpgsql, sql from public",
    "grant usage on language plpgsql, sql to service, access_keeper",
    "grant execute on function pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) to {audit}",
)


def provision(server: PostgresServer, settings: Settings) -> Secrets:
    """Make everything a running server needs for the pipeline; returns the secrets with current connection strings.

    Raises:
        DatabaseError: a statement was refused.
        KeyringError: the key-encryption key stands without its keyring.
    """
    held = Secrets.of(settings.state)
    fresh = [name for name in _logins() if f"password_{name}" not in held]
    for name in _logins():
        held.random(f"password_{name}")
    held.random("airflow_admin_password")
    held.random("airflow_jwt_secret", 64)
    held.random("airflow_api_secret", 32)
    if "airflow_fernet_key" not in held:
        held.set("airflow_fernet_key", Fernet.generate_key().decode())
    _connection_strings(server, held)
    held.save()
    try:
        passwords = {login: held[f"password_{login}"] for login in _logins()}
        # these passwords are 32 random bytes, which stretching does not make stronger; dbt opens a connection a node
        roles_and_databases(server.superuser_dsn(SUPERUSER), passwords, fresh, people=DEMO_LOGINS, iterations=256)
    except psycopg.Error as error:
        raise DatabaseError(f"roles and databases could not be made: {str(error).splitlines()[0]}") from error
    create_keyring(settings.keyring, settings.suite)
    migrate(held["dsn_admin"], settings)
    enrol(held["dsn_admin"], DEMO_LOGINS)
    return held


def service_logins() -> list[str]:
    """The logins that every installation has: one a service role, and Airflow's own."""
    return [login_of(role) for role in Role] + [_AIRFLOW_LOGIN]


def _logins() -> list[str]:
    return service_logins() + list(DEMO_LOGINS.values())


def _connection_strings(server: PostgresServer, held: Secrets) -> None:
    """Connection strings for the port of this start."""
    for role in Role:
        login = login_of(role)
        held.set(f"dsn_{role}", server.dsn(login, held[f"password_{login}"], WAREHOUSE))
    for person, login in DEMO_LOGINS.items():
        held.set(f"{person}_dsn", server.dsn(login, held[f"password_{login}"], WAREHOUSE))
    held.set("postgres_superuser_dsn", server.superuser_dsn(WAREHOUSE))
    query = urlencode({"sslmode": "verify-ca", "sslrootcert": str(server.root_certificate)}, quote_via=quote, safe="/")
    where = f"{_AIRFLOW_LOGIN}:{held[f'password_{_AIRFLOW_LOGIN}']}@127.0.0.1:{server.port}/{AIRFLOW}?{query}"
    held.set("airflow_dsn", f"postgresql+psycopg2://{where}")
    held.set("airflow_async_dsn", f"postgresql+psycopg://{where}")


def roles_and_databases(
    superuser_dsn: str,
    passwords: Mapping[str, str],
    fresh: Collection[str],
    *,
    people: Mapping[str, str] | None = None,
    iterations: int = 4096,
) -> None:
    """Make roles, memberships and the two databases on any PostgreSQL server; what exists is left alone.

    Args:
        passwords: login → password, for every login that is to exist.
        fresh: logins whose password is set even if they exist.
        people: group → login of a person.
        iterations: scram's stretching of passwords, paid by each connection (4,096: 13 ms of processor time).

    Raises:
        psycopg.Error: a statement was refused.
    """
    with psycopg.connect(superuser_dsn, autocommit=True) as connection:
        connection.execute(  # PostgreSQL 15 has no such setting
            "select set_config(name, %s, false) from pg_settings where name = 'scram_iterations'", (str(iterations),)
        )
        existing = {row[0] for row in connection.execute("select rolname from pg_roles")}
        for group in (*GROUPS, SERVICE, AUDIT_APPENDER, MART_OWNER, ACCESS_KEEPER):
            if group not in existing:
                connection.execute(sql.SQL("create role {} nologin").format(sql.Identifier(group)))
        for login, password in passwords.items():
            if login not in existing or login in fresh:
                _login(connection, login, password, exists=login in existing)
        for role, memberships in _MEMBERSHIPS.items():
            for membership in (SERVICE, *memberships):
                _grant(connection, membership, login_of(role))
        connection.execute(sql.SQL("alter role {} replication").format(sql.Identifier(login_of(Role.BACKUP))))
        connection.execute(  # the archiver closes a segment of the log, from the database postgres, by the clock
            sql.SQL("grant execute on function pg_switch_wal() to {}").format(sql.Identifier(login_of(Role.BACKUP)))
        )
        for role in _PASSES_ROW_SECURITY:
            connection.execute(sql.SQL("alter role {} bypassrls").format(sql.Identifier(login_of(role))))
        for membership in _KEEPER_NEEDS:
            _grant(connection, membership, ACCESS_KEEPER)
        _run_each(connection, _ADMIN_RIGHTS)
        for group, login in (people or {}).items():
            _grant(connection, group, login)
            connection.execute(sql.SQL("alter role {} set log_statement = 'all'").format(sql.Identifier(login)))
        present = {row[0] for row in connection.execute("select datname from pg_database")}
        for database, owner in ((WAREHOUSE, login_of(Role.ADMIN)), (AIRFLOW, _AIRFLOW_LOGIN)):
            if database not in present:
                connection.execute(
                    sql.SQL("create database {} owner {}").format(sql.Identifier(database), sql.Identifier(owner))
                )
            connection.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(database)))
        connection.execute(  # verification looks for plain identifiers in XCom and task records, too
            sql.SQL("grant connect on database {} to {}").format(
                sql.Identifier(AIRFLOW), sql.Identifier(login_of(Role.AUDIT))
            )
        )
        grant_connections(connection, WAREHOUSE)
    with psycopg.connect(make_conninfo(superuser_dsn, dbname=WAREHOUSE), autocommit=True) as connection:
        _run_each(connection, _WAREHOUSE_RIGHTS)


def grant_connections(connection: psycopg.Connection, database: str) -> None:
    """Who may connect to a warehouse: services, which may also make temporary tables, and people, who may not."""
    groups = sql.SQL(", ").join(map(sql.Identifier, GROUPS))
    name = sql.Identifier(database)
    connection.execute(sql.SQL("revoke temporary on database {} from {}").format(name, groups))
    connection.execute(sql.SQL("grant connect on database {} to {}").format(name, groups))
    connection.execute(
        sql.SQL("grant connect, temporary on database {} to {}, {}").format(
            name, sql.Identifier(SERVICE), sql.SQL(", ").join(sql.Identifier(login_of(role)) for role in Role)
        )
    )


def _run_each(connection: psycopg.Connection, statements: Iterable[LiteralString]) -> None:
    """Run grants; before PostgreSQL 16 a membership cannot be held without being used, so it is plain there."""
    names = {"admin": sql.Identifier(login_of(Role.ADMIN)), "audit": sql.Identifier(login_of(Role.AUDIT))}
    for statement in statements:
        if connection.info.server_version < 160_000:
            statement = statement.replace(_HELD_ONLY, "").replace(_SET_ONLY, "")  # noqa: PLW2901
        connection.execute(sql.SQL(statement).format(**names))


def _login(connection: psycopg.Connection, login: str, password: str, *, exists: bool) -> None:
    verifier = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
    statement = "alter role {} with login password {}" if exists else "create role {} with login password {}"
    connection.execute(sql.SQL(statement).format(sql.Identifier(login), sql.Literal(verifier)))


def _grant(connection: psycopg.Connection, group: str, member: str) -> None:
    connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(group), sql.Identifier(member)))
