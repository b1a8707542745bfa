"""Readings in the server's log: each becomes an audit record, and reconciliation finds those without a purpose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import errors
from typer.testing import CliRunner

from governance.access.reconciling import Reconciled, reconcile
from governance.audit.asking import who_read
from governance.audit.keeping import keep_log
from governance.audit.server_log import import_readings
from governance.audit.verifying import verify_log
from governance.cli import app
from governance.database import Role
from tests.conftest import Warehouse
from tests.integration.access_site import (
    MART,
    OTHER_MART,
    OTHER_PROJECT,
    PERSON,
    PROJECT,
    PURPOSE,
    Site,
    begin,
    make_site,
)

pytestmark = pytest.mark.integration
EVER = datetime(1970, 1, 1, tzinfo=UTC)
SECRET = "欧阳建国"  # a patient's name that somebody types into a query


@pytest.fixture
def site(warehouse: Warehouse) -> Iterator[Site]:
    """One mart's approval, one reader."""
    with make_site(warehouse) as made:
        made.approve()
        yield made


def records(site: Site) -> list[tuple[Any, ...]]:
    """Readings that were taken in: table, project, purpose, login, tables, opaque."""
    with site.role(Role.AUDIT) as audit:
        import_readings(audit, site.keys)
        return audit.execute(
            "select object, project, purpose, actor, detail -> 'tables', detail -> 'opaque'"
            " from audit.record where kind = 'reading' order by seq"
        ).fetchall()


def reconciled(site: Site, since: datetime = EVER) -> Reconciled:
    with site.role(Role.AUDIT) as audit:
        return reconcile(audit, site.settings, since)


def test_a_reading_names_user_table_project_and_purpose_and_nothing_of_its_text(site: Site) -> None:
    with site.person() as connection:
        begin(connection)
        connection.execute(f"select research_id from {MART} where histology = '{SECRET}'".encode())
        connection.execute(f"select research_id from {MART} where histology = %s".encode(), (SECRET,))
    assert records(site) == [(MART, PROJECT, PURPOSE, PERSON, [MART], None)] * 2
    with site.role(Role.AUDIT) as audit:
        (found,) = audit.execute("select string_agg(r::text, ' ') from audit.record as r").fetchone() or ("",)
        assert SECRET not in found
        assert verify_log(audit, site.keys, site.settings.audit_checkpoints).faults == []
    log = (site.warehouse.server.data_dir / "log").glob("*.json")
    text = "".join(path.read_text("utf-8") for path in log)
    assert text.count(SECRET) == 1  # what was typed into a statement stands in the log; a parameter does not


def test_readings_are_taken_in_once(site: Site) -> None:
    with site.role(Role.AUDIT) as audit, site.person() as connection:
        begin(connection)
        for expected in (1, 2):
            connection.execute(f"select count(research_id) from {MART}".encode())
            assert import_readings(audit, site.keys) == 1
            assert len(records(site)) == expected
        assert import_readings(audit, site.keys) == 0


def test_keeping_the_log_takes_readings_and_work_in(site: Site) -> None:
    with site.person() as connection:
        begin(connection)
        connection.execute(f"select count(research_id) from {MART}".encode())
    keep_log(site.warehouse.dsn(Role.AUDIT), site.settings)
    with site.role(Role.AUDIT) as audit:
        rows = audit.execute("select kind from audit.record where kind in ('work', 'reading') order by seq").fetchall()
    assert rows == [("work",), ("reading",)]


def test_who_read_tells_of_it(site: Site) -> None:
    with site.person() as connection:
        begin(connection)
        connection.execute(f"select count(research_id) from {MART}".encode())
    records(site)
    with site.role(Role.AUDIT) as audit:
        for asked in ({"table": MART}, {"project": PROJECT}):
            (reading,) = who_read(audit, since=EVER, **asked)
            assert (reading.actor, reading.object, reading.project, reading.purpose) == (PERSON, MART, PROJECT, PURPOSE)
        assert who_read(audit, since=EVER, table=OTHER_MART) == []
    environment = {"XINGLIN_STATE": str(site.settings.state)}
    output = CliRunner().invoke(app, ["audit", "who-read", "--table", MART], env=environment).output
    assert PERSON in output
    assert PURPOSE in output


def test_readings_under_open_work_reconcile(site: Site) -> None:
    with site.person() as connection:
        begin(connection)
        connection.execute(f"select count(research_id) from {MART}".encode())
        connection.execute("select version()")
        connection.execute("select relname from pg_class limit 1")
    found = reconciled(site)
    assert (found.readings, found.events, found.findings) == (1, 2, ())


Reading = Callable[[psycopg.Connection], object]


def by_copy(connection: psycopg.Connection, what: str = f"{MART} (research_id)") -> None:
    with connection.cursor() as cursor, cursor.copy(f"copy {what} to stdout".encode()) as copy:
        list(copy)


def by_cursor(connection: psycopg.Connection) -> None:
    with connection.transaction():
        connection.execute(f"declare c cursor for select research_id from {MART}".encode())
        connection.execute("fetch all from c")


def by_prepared(connection: psycopg.Connection) -> None:
    connection.execute(f"prepare p as select research_id from {MART}".encode())


def by_search_path(connection: psycopg.Connection) -> None:
    connection.execute("set search_path = specialty")
    connection.execute("select research_id from breast_cancer_patient")


WAYS: dict[str, Reading] = {
    "select": lambda c: c.execute(f"select research_id from {MART}".encode()),
    "copy": by_copy,
    "copy of a query": lambda c: by_copy(c, f"(select research_id from {MART})"),
    "cursor": by_cursor,
    "prepared statement": by_prepared,
    "explain": lambda c: c.execute(f"explain analyze select research_id from {MART}".encode()),
    "sub-query": lambda c: c.execute(f"select exists (select research_id from {MART})".encode()),
    "search path": by_search_path,
    "after end_work": lambda c: (begin(c), c.execute("select access.end_work()"), c.execute("select pg_sleep(0.01)"),
                                 c.execute(f"select research_id from {MART}".encode())),
    "rolled back work": lambda c: (c.execute("begin"), begin(c), c.execute("rollback"),
                                   c.execute(f"select research_id from {MART}".encode())),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_reading_without_open_work_is_a_finding(site: Site, way: str) -> None:
    with site.person() as connection:
        WAYS[way](connection)
    found = reconciled(site)
    assert [finding.partition(": ")[2] for finding in found.findings] == [f"reads {MART} without open work"]


def test_a_statement_prepared_under_work_and_executed_without_is_a_finding(site: Site) -> None:
    with site.person() as connection:
        begin(connection)
        connection.execute(f"prepare p as select research_id from {MART}".encode())
        connection.execute("select access.end_work()")
        connection.execute("select pg_sleep(0.01)")  # the log's times end at the millisecond
        connection.execute("execute p")
    assert [row[1] for row in records(site)] == [PROJECT, None]
    assert len(reconciled(site).findings) == 1


def test_a_reading_under_the_work_of_another_project_is_a_finding(site: Site) -> None:
    with site.person() as connection:
        begin(connection)
        connection.execute(f"select count(research_id) from {OTHER_MART}".encode())
    (finding,) = reconciled(site).findings
    assert finding.endswith(f"reads {OTHER_MART} while work is open on {PROJECT}")
    assert OTHER_PROJECT not in finding.rpartition(" on ")[2]


HIDDEN = {
    "text that is executed": (f"select query_to_xml('select research_id from {MART}', true, false, '')", None),
    "a block": (f"do $$ begin perform research_id from {MART}; end $$", errors.InsufficientPrivilege),
}


@pytest.mark.parametrize("way", HIDDEN)
def test_a_statement_that_hides_what_it_reads_is_a_finding(site: Site, way: str) -> None:
    statement, refused = HIDDEN[way]
    with site.person() as connection:
        begin(connection)
        if refused is None:
            connection.execute(statement.encode())
        else:
            with pytest.raises(refused):
                connection.execute(statement.encode())
    assert records(site) == [(None, PROJECT, PURPOSE, PERSON, [], True)]
    (finding,) = reconciled(site).findings
    assert finding.endswith("a statement that hides what it reads")


def test_a_look_at_statistics_is_a_finding(site: Site) -> None:
    with site.person() as connection:
        begin(connection)
        connection.execute("select most_common_vals from pg_stats")
    (finding,) = reconciled(site).findings
    assert "reads statistics (pg_catalog.pg_stats)" in finding


def test_a_definer_function_outside_the_list_is_a_finding(site: Site) -> None:
    with site.superuser() as superuser:
        superuser.execute(
            "create function governance.past_the_gate() returns bigint language sql security definer"
            f" as 'select count(*) from {MART}'".encode()
        )
    findings = reconciled(site).findings
    assert (
        "function governance.past_the_gate() runs with its owner's rights and is not on the list of access.yaml"
        in findings
    )


def test_drift_is_a_finding(site: Site) -> None:
    with site.superuser() as superuser:
        superuser.execute(f"alter table {MART} disable row level security".encode())
    assert any("row security is switched off" in finding for finding in reconciled(site).findings)


def test_statements_of_services_and_of_other_databases_are_not_taken_in(site: Site) -> None:
    with site.role(Role.TRANSFORM) as connection:
        connection.execute(f"select count(*) from {MART}".encode())
    with psycopg.connect(site.warehouse.secrets["researcher_dsn"]) as elsewhere:  # the session's shared database
        elsewhere.execute("select 'elsewhere'")
    assert records(site) == []


def test_the_command_says_what_it_found(site: Site) -> None:
    environment = {"XINGLIN_STATE": str(site.settings.state)}
    result = CliRunner().invoke(app, ["audit", "reconcile"], env=environment)
    assert result.exit_code == 0, result.output
    assert "reconciled: 0" in result.output
    with site.person() as connection:
        connection.execute(f"select count(research_id) from {MART}".encode())
    result = CliRunner().invoke(app, ["audit", "reconcile"], env=environment)
    assert result.exit_code == 1
    assert "without open work" in result.output
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d")
    assert CliRunner().invoke(app, ["audit", "reconcile", "--since", tomorrow], env=environment).exit_code == 0
