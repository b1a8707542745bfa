"""What a server must hold before anything runs: databases, login roles, their passwords, the schema, the keyring.

Safe to repeat; what exists is left alone. Passwords reach the server as scram verifiers, never in the clear.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import quote, urlencode

import psycopg
from cryptography.fernet import Fernet
from psycopg import sql

from governance.database import Role
from governance.errors import DatabaseError
from governance.keys import create_keyring
from governance.migrate import migrate
from governance.runtime.postgres import SUPERUSER, PostgresServer
from governance.runtime.secrets import Secrets
from governance.settings import Settings

WAREHOUSE, AIRFLOW = "warehouse", "airflow"
GROUPS = ("engineer", "researcher", "auditor")  # what a person may read; logins are members of them
AUDIT_APPENDER = "audit_appender"  # may append to the audit log; the services are members
DEMO_LOGINS = {"researcher": "demo_researcher", "auditor": "demo_auditor"}
_AIRFLOW_LOGIN = "xinglin_airflow"


def login_of(role: Role) -> str:
    """The user name of a service role."""
    return f"xinglin_{role}"


_MEMBERSHIPS = {  # roles whose rights a service needs: PostgreSQL's own, the appender's, the owner of the dbt schemas
    Role.ADMIN: (login_of(Role.TRANSFORM),),
    Role.COLLECT: (AUDIT_APPENDER,),
    Role.TRANSFORM: (AUDIT_APPENDER,),
    Role.DEIDENTIFY: (AUDIT_APPENDER,),
    Role.BACKUP: (AUDIT_APPENDER, "pg_read_all_data", "pg_checkpoint"),
    Role.AUDIT: (AUDIT_APPENDER, "pg_read_all_data", "pg_monitor", "pg_checkpoint"),
}


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
        for group in (*GROUPS, AUDIT_APPENDER):
            if group not in existing:
                connection.execute(sql.SQL("create role {} nologin").format(sql.Identifier(group)))
        for login, password in passwords.items():
            if login not in existing or login in fresh:
                _login(connection, login, password, exists=login in existing)
        for role, memberships in _MEMBERSHIPS.items():
            for membership in memberships:
                _grant(connection, membership, login_of(role))
        connection.execute(sql.SQL("alter role {} replication").format(sql.Identifier(login_of(Role.BACKUP))))
        connection.execute(  # the archiver closes a segment of the log, from the database postgres, by the clock
            sql.SQL("grant execute on function pg_switch_wal() to {}").format(sql.Identifier(login_of(Role.BACKUP)))
        )
        for group, login in (people or {}).items():
            _grant(connection, group, login)
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
        readers = [sql.Identifier(name) for name in (*map(login_of, Role), *GROUPS)]
        connection.execute(
            sql.SQL("grant connect, temporary on database {} to {}").format(
                sql.Identifier(WAREHOUSE), sql.SQL(", ").join(readers)
            )
        )


def _login(connection: psycopg.Connection, login: str, password: str, *, exists: bool) -> None:
    verifier = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
    statement = "alter role {} with login password {}" if exists else "create role {} with login password {}"
    connection.execute(sql.SQL(statement).format(sql.Identifier(login), sql.Literal(verifier)))


def _grant(connection: psycopg.Connection, group: str, member: str) -> None:
    connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(group), sql.Identifier(member)))
