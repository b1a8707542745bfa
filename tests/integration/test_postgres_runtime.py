"""The embedded PostgreSQL, for real: what it refuses, and what remains of it."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from governance.database import Role, connect, copied
from governance.errors import DatabaseError, RuntimeFailure
from governance.runtime.postgres import THROW_AWAY, PostgresServer
from governance.runtime.provision import provision
from governance.runtime.secrets import Secrets
from tests.conftest import Warehouse, is_root, scratch_folder

pytestmark = pytest.mark.integration
PASSWORD = "only-for-this-test-server"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with scratch_folder() as folder:
        made = PostgresServer(folder / "data", superuser_password=PASSWORD, settings=THROW_AWAY)
        made.initialise()
        made.start()
        yield made
        made.destroy()
        assert list(folder.iterdir()) == []


def _value(dsn: str, query: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("password_encryption", "scram-sha-256"),
        ("wal_level", "replica"),
        ("wal_compression", "off"),
        ("log_statement", "none"),
        ("log_min_messages", "log"),
        ("log_error_verbosity", "terse"),
        ("log_parameter_max_length_on_error", "0"),
    ],
)
def test_setting(server: PostgresServer, setting: str, value: str) -> None:
    assert _value(server.superuser_dsn(), f"show {setting}") == value


def test_sessions_are_encrypted(server: PostgresServer) -> None:
    query = "select ssl and version = 'TLSv1.3' from pg_stat_ssl where pid = pg_backend_pid()"
    assert _value(server.superuser_dsn(), query) is True


def test_a_session_without_tls_is_refused(server: PostgresServer) -> None:
    plain = make_conninfo(server.superuser_dsn(), sslmode="disable")
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(plain)


def test_a_server_with_another_certificate_is_not_trusted(server: PostgresServer) -> None:
    with scratch_folder() as folder:
        other = PostgresServer(folder / "other", superuser_password=PASSWORD, settings=THROW_AWAY)
        other.initialise()
        other.start()
        try:
            stranger = make_conninfo(other.superuser_dsn(), sslrootcert=str(server.root_certificate))
            with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
                psycopg.connect(stranger)
        finally:
            other.destroy()


def test_a_wrong_password_is_refused(server: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(make_conninfo(server.superuser_dsn(), password="guess"))


def test_an_error_that_quotes_a_value_does_not_reach_the_log(server: PostgresServer) -> None:
    with psycopg.connect(server.superuser_dsn(), autocommit=True) as connection:
        connection.execute("create table secret_note (body text primary key)")
        connection.execute("insert into secret_note values ('canary-7781')")
        for statement in (
            "insert into secret_note values ('canary-7781')",
            "select 'canary-7781'::integer",
            "select canary-7781",
            "do $$ begin raise exception 'canary-7781'; end $$",
            "do $$ begin raise warning 'canary-7781'; end $$",
        ):
            try:
                connection.execute(statement.encode())
            except psycopg.Error as error:
                assert "canary" in str(error)
        connection.execute("set application_name = 'canary-7781'")
    assert server.log_file.read_bytes()
    assert b"canary" not in server.log_file.read_bytes()


def test_its_programs_can_be_run(server: PostgresServer) -> None:
    for name in ("psql", "pg_basebackup", "pg_verifybackup", "pg_combinebackup", "pg_dump", "pg_waldump"):
        assert os.access(server.tool(name), os.X_OK)


def test_stop_leaves_nothing_and_start_keeps_port_and_data(server: PostgresServer) -> None:
    port, processes = server.port, server.processes
    with psycopg.connect(server.superuser_dsn(), autocommit=True) as connection:
        connection.execute("create table kept as select 1")
    server.stop()
    assert not server.is_running()
    assert not any(process.is_alive() for process in processes)
    assert not (server.data_dir / "postmaster.pid").exists()
    server.start()
    assert server.port == port
    assert _value(server.superuser_dsn(), "select count(*) from kept") == 1


def test_a_killed_server_starts_again(server: PostgresServer) -> None:
    pid = int((server.data_dir / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10  # the system takes a moment to end it
    while server.is_running() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not server.is_running()
    server.start()
    assert _value(server.superuser_dsn(), "select 1") == 1


def test_a_pid_file_that_names_somebody_else_does_not_deceive(server: PostgresServer) -> None:
    server.stop()
    (server.data_dir / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data_dir}\n0\n1\n\n127.0.0.1\n\n\n")
    assert not server.is_running()
    server.start()
    assert server.is_running()


def test_a_second_server_starts_from_a_copy_of_the_data(server: PostgresServer) -> None:
    server.stop()
    with scratch_folder() as folder:
        shutil.copytree(server.data_dir, folder / "copy")
        server.start()
        second = PostgresServer.scratch(folder / "copy", PASSWORD)
        second.start()
        try:
            assert second.port != server.port
            assert _value(second.superuser_dsn(), "show data_directory") == str(folder / "copy")
        finally:
            second.destroy()
        assert list(folder.iterdir()) == []


def test_a_server_that_cannot_start_says_why(server: PostgresServer) -> None:
    with scratch_folder() as folder:
        broken = PostgresServer(folder / "data", superuser_password=PASSWORD, settings={"shared_buffers": "nonsense"})
        broken.initialise()
        with pytest.raises(RuntimeFailure, match="shared_buffers"):
            broken.start()
        broken.destroy()


@pytest.mark.skipif(not is_root(), reason="only root hands the server to another user")
def test_root_can_keep_its_data_where_nobody_else_may_enter() -> None:
    folder = Path(tempfile.mkdtemp(prefix="xinglin-closed-"))  # mode 0700
    try:
        closed = PostgresServer(folder / "state" / "data", superuser_password=PASSWORD, settings=THROW_AWAY)
        closed.initialise()
        closed.start()
        real = closed.data_dir.resolve()
        assert closed.data_dir.is_symlink()
        assert stat.S_IMODE(real.stat().st_mode) == 0o700
        assert _value(closed.superuser_dsn(), "select 1") == 1
        closed.stop()
        closed.start()
        assert _value(closed.superuser_dsn(), "select 1") == 1
        closed.destroy()
        assert not real.exists()
        assert not real.with_name(real.name + ".tls").exists()
        assert list((folder / "state").iterdir()) == []
    finally:
        shutil.rmtree(folder)


def test_each_role_can_log_in_and_is_what_it_says(warehouse: Warehouse) -> None:
    for role in Role:
        assert _value(warehouse.dsn(role), "select current_user::text") == f"xinglin_{role}"
    assert _value(warehouse.secrets["researcher_dsn"], "select pg_has_role('researcher', 'member')") is True
    assert _value(warehouse.secrets["auditor_dsn"], "select pg_has_role('auditor', 'member')") is True


def test_only_backup_may_replicate_and_no_service_is_superuser(warehouse: Warehouse) -> None:
    query = "select array_agg(rolname::text order by 1) from pg_roles where rolname like 'xinglin%' and {}"
    assert _value(warehouse.superuser_dsn(), query.format("rolreplication")) == ["xinglin_backup"]
    assert _value(warehouse.superuser_dsn(), query.format("rolcreaterole")) == ["xinglin_admin"]  # makes logins
    assert _value(warehouse.superuser_dsn(), query.format("(rolsuper or rolcreatedb)")) is None


def test_outsiders_may_not_connect(warehouse: Warehouse) -> None:
    dsn = make_conninfo(warehouse.secrets["researcher_dsn"], dbname="airflow")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(dsn)


def test_provisioning_again_changes_no_password(warehouse: Warehouse) -> None:
    verifiers = "select string_agg(rolname || rolpassword, ',' order by rolname) from pg_authid"
    before = _value(warehouse.superuser_dsn(), verifiers)
    again = provision(warehouse.server, warehouse.settings)
    assert again.values == warehouse.secrets.values
    assert _value(warehouse.superuser_dsn(), verifiers) == before


def test_lost_secrets_are_replaced(warehouse: Warehouse) -> None:
    kept = (warehouse.settings.state / "secrets.json").read_bytes()
    try:
        lost = Secrets.of(warehouse.settings.state).values
        (warehouse.settings.state / "secrets.json").unlink()
        again = provision(warehouse.server, warehouse.settings)
        assert again["password_xinglin_audit"] != lost["password_xinglin_audit"]
        assert _value(again["dsn_audit"], "select 1") == 1
    finally:
        (warehouse.settings.state / "secrets.json").write_bytes(kept)
        for name, value in Secrets.of(warehouse.settings.state).values.items():
            if name.startswith("password_"):
                _restore_password(warehouse, name.removeprefix("password_"), value)


def _restore_password(warehouse: Warehouse, login: str, password: str) -> None:
    with psycopg.connect(warehouse.superuser_dsn(), autocommit=True) as connection:
        verifier = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
        connection.execute(f"alter role {login} password '{verifier}'".encode())


def test_an_empty_warehouse_is_its_own(empty_warehouse: Warehouse, warehouse: Warehouse) -> None:
    assert empty_warehouse.database != warehouse.database
    assert _value(empty_warehouse.dsn(Role.AUDIT), "select count(*) from governance.batch") == 0


def test_a_refused_statement_is_our_error_without_the_password(warehouse: Warehouse) -> None:
    from governance.database import connect  # noqa: PLC0415

    dsn = make_conninfo(warehouse.dsn(Role.AUDIT), password="guess-41")
    with pytest.raises(DatabaseError, match="xinglin_audit") as caught:
        connect(dsn)
    assert "guess-41" not in str(caught.value)


def test_rows_are_copied_as_the_server_sends_them_and_a_broken_copy_says_why(warehouse: Warehouse) -> None:
    with connect(warehouse.dsn(Role.AUDIT), autocommit=True) as connection:
        query = "copy (select n, case when n > 1 then '患者' || n end from generate_series(1, 3) as n) to stdout"
        assert list(copied(connection, query)) == [b"1\t\\N\n", "2\t患者2\n".encode(), "3\t患者3\n".encode()]
        given_up = copied(connection, query)
        assert next(given_up).startswith(b"1")
        given_up.close()
        with pytest.raises(psycopg.errors.UndefinedTable):
            list(copied(connection, "copy nowhere to stdout"))
        late = "copy (select 1 / (100000 - n) from generate_series(1, 100000) as n) to stdout"
        with pytest.raises(psycopg.errors.DivisionByZero):
            list(copied(connection, late))
        assert connection.execute("select 1").fetchone() == (1,)
