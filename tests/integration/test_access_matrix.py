"""The access matrix, cell by cell: what include/policy/access_matrix.csv declares, tried on a server.

A cell is tried by the statement itself under the role, not by asking the catalogues (that is what drift does).
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from governance.access.drift import drift
from governance.access.matrix import ROLES, Matrix, declared_matrix, expected, matrix_file, render
from governance.access.people import add, remove
from governance.access.policy import declared_marts
from governance.audit import AuditKeys
from governance.database import Role
from governance.settings import PROJECT as CHECKOUT
from tests.conftest import Warehouse
from tests.integration.access_site import MART, OTHER_MART, OTHER_PROJECT, PROJECT, Site, begin, build, make_site

pytestmark = pytest.mark.integration
DBT_SCHEMAS = (
    "base",
    "staging",
    "intermediate",
    "lineage",
    "reference",
    "deid",
    "held_back",
    "open_data",
)  # as dbt fills them
_TABLES = """
    select n.nspname || '.' || c.relname, c.relkind::text,
        array_agg(t.attname order by t.attnum) filter (where t.attidentity = '' and t.attgenerated = '')
    from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
    inner join pg_attribute as t on t.attrelid = c.oid and t.attnum > 0 and not t.attisdropped
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'p', 'v', 'm', 'f')
    group by 1, 2 order by 1"""


@pytest.fixture(scope="module")
def site(warehouse: Warehouse) -> Iterator[Site]:
    """Every declared mart, and a table in each schema that dbt fills."""
    with make_site(warehouse) as made:
        for name in declared_marts(made.settings):
            build(made, name)
        with made.role(Role.TRANSFORM) as transform:
            for schema in DBT_SCHEMAS:
                transform.execute(f"create table {schema}.example as select 1 as n".encode())
                transform.execute(f"create view {schema}.example_view as select 1 as n".encode())
        yield made


@pytest.fixture(scope="module")
def matrix(site: Site) -> Matrix:
    return declared_matrix(matrix_file(site.settings))


def allowed(connection: psycopg.Connection, statement: sql.Composable) -> bool:
    """Whether the current role has the right; triggers and policies, which may refuse then, are tested elsewhere."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except errors.InsufficientPrivilege as error:
        return not str(error).startswith("permission denied")
    except (errors.IntegrityError, errors.ObjectNotInPrerequisiteState, errors.DataError, errors.RaiseException):
        return True
    return True


def tried(connection: psycopg.Connection, name: str, kind: str, columns: list[str]) -> str:
    """The letters of a table for the current role."""
    table = sql.Identifier(*name.split(".", 1))
    each = [sql.Identifier(column) for column in columns]
    reads = [allowed(connection, sql.SQL("select {} from {} limit 0").format(column, table)) for column in each]
    letters = "R" if all(reads) else "C" if any(reads) else ""
    if kind in ("r", "p"):
        inserts = sql.SQL("insert into {} default values").format(table)
        updates = [sql.SQL("update {} set {} = default where false").format(table, column) for column in each]
        deletes = sql.SQL("delete from {} where false").format(table)
        letters += "I" if allowed(connection, inserts) else ""
        letters += "U" if any(allowed(connection, update) for update in updates) else ""
        letters += "D" if allowed(connection, deletes) else ""
    return letters


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_to_each_table_what_the_matrix_says(site: Site, matrix: Matrix, role: str) -> None:
    wrong = []
    with site.superuser(autocommit=False) as connection:
        tables = connection.execute(_TABLES).fetchall()
        assert len(tables) > 60
        if role == "public":  # somebody with no rights of their own
            connection.execute("create role nobody_in_particular")
            role = "nobody_in_particular"
        for name, kind, columns in tables:
            line = expected(matrix, "table" if kind in ("r", "p") else "view", name)
            assert line is not None, f"{name} has no line"
            wanted = line.get(role, line["public"])
            connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
            found = tried(connection, name, kind, columns)
            connection.execute("reset role")
            if _without_purpose(found) != _without_purpose(wanted):
                wrong.append(f"{name}: may {found or '-'}, declared {wanted or '-'}")
        connection.rollback()
    assert wrong == []


def _without_purpose(letters: str) -> str:
    """Reading at all, for P means granted columns under row security, which the tests of open work prove."""
    return letters.replace("P", "read").replace("C", "read").replace("R", "read")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_reads_sensitive_columns_and_calls_functions_as_the_matrix_says(
    site: Site, matrix: Matrix, role: str
) -> None:
    wrong = []
    with site.superuser(autocommit=False) as connection:
        name = role
        if role == "public":
            connection.execute("create role nobody_in_particular")
            name = "nobody_in_particular"
        for (kind, thing), cells in matrix.items():
            if kind not in ("column", "function", "schema"):
                continue
            connection.execute(sql.SQL("set local role {}").format(sql.Identifier(name)))
            found = _tried(connection, kind, thing)
            connection.execute("reset role")
            if found != cells[role]:
                wrong.append(f"{kind} {thing}: may {found or '-'}, declared {cells[role] or '-'}")
        connection.rollback()
    assert wrong == []


def _tried(connection: psycopg.Connection, kind: str, thing: str) -> str:
    if kind == "column":
        schema, table, column = thing.split(".")
        query = sql.SQL("select {} from {} limit 0").format(sql.Identifier(column), sql.Identifier(schema, table))
        return "R" if allowed(connection, query) else ""
    if kind == "function":
        name, _, arguments = thing.rstrip(")").partition("(")
        types = [argument.partition(" ")[2] for argument in arguments.split(", ") if argument]
        call = sql.SQL("select {}({})").format(
            sql.Identifier(*name.split(".")),
            sql.SQL(", ").join(sql.SQL("null::" + kind_of) for kind_of in types),  # type: ignore[arg-type]
        )
        return "X" if _callable(connection, call, name) else ""
    create = sql.SQL("create table {} (n int)").format(sql.Identifier(thing, "no_such_relation"))
    reads = sql.SQL("select 1 from {} limit 0").format(sql.Identifier(thing, "no_such_relation"))
    return ("u" if _enters(connection, reads) else "") + ("c" if allowed(connection, create) else "")


def _enters(connection: psycopg.Connection, query: sql.Composable) -> bool:
    """Inside a schema an unknown table is unknown; outside the schema itself is refused."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(query)
    except errors.InsufficientPrivilege:
        return False
    except errors.UndefinedTable:
        return True
    return True


def _callable(connection: psycopg.Connection, call: sql.Composable, name: str) -> bool:
    """Whether the function itself starts: refused is 'permission denied for function' (or schema), before it runs."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(call)
    except errors.InsufficientPrivilege as error:
        return not str(error).startswith(("permission denied for function", "permission denied for schema"))
    except psycopg.Error:
        return True
    return True


@pytest.mark.parametrize("group", ["engineer", "researcher", "ethics", "auditor"])
def test_a_person_of_each_group_reads_marts_with_open_work_only(site: Site, matrix: Matrix, group: str) -> None:
    """A real login, with and without work; the columns that the contract's level forbids are refused with it, too."""
    login = f"try_{group}"
    keys, marts = AuditKeys.open(site.settings), declared_marts(site.settings)
    try:
        with site.role(Role.ADMIN) as admin:
            password = add(admin, login, group, keys)
        dsn = make_conninfo(site.dsn("researcher"), user=login, password=password)
        for name, project in ((MART, PROJECT), (OTHER_MART, OTHER_PROJECT)):
            line = expected(matrix, "table", name)
            assert line is not None
            granted = marts[name].readers.get(group, ())
            assert (line[group] == "P") == bool(granted)
            with psycopg.connect(dsn, autocommit=True) as own:
                seen = {column: _count(own, name, column) for column in marts[name].levels}
                assert seen == {column: 0 if column in granted else None for column in seen}
                if group in ("engineer", "researcher"):
                    site.approve(project, person=login)
                    begin(own, project)
                    seen = {column: _count(own, name, column) for column in marts[name].levels}
                    assert seen == {column: 3 if column in granted else None for column in seen}
                else:
                    with pytest.raises(errors.InsufficientPrivilege):
                        begin(own, project)
    finally:
        with site.role(Role.ADMIN) as admin:
            remove(admin, login, keys)
        with site.superuser() as superuser:
            superuser.execute(sql.SQL("drop role {}").format(sql.Identifier(login)))


def _count(connection: psycopg.Connection, table: str, column: str) -> int | None:
    """Rows that a reader sees of one column; None where it is refused."""
    query = sql.SQL("select count(*) from (select {} from {}) as seen").format(
        sql.Identifier(column), sql.Identifier(*table.split(".", 1))
    )
    try:
        row = connection.execute(query).fetchone()
    except errors.InsufficientPrivilege:
        return None
    assert row is not None
    return int(row[0])


def test_the_catalogues_answer_as_the_matrix_says(site: Site) -> None:
    with site.role(Role.AUDIT) as audit:
        assert drift(audit, site.settings) == []


def test_every_line_of_the_matrix_names_something_that_exists(site: Site, matrix: Matrix) -> None:
    """A line for what is gone would be believed and never tried."""
    with site.superuser() as connection:
        tables = {name for name, *_ in connection.execute(_TABLES)}
        schemas = {name.partition(".")[0] for name in tables} | {"public", "open_data"}
        for kind, thing in matrix:
            if kind == "schema":
                assert thing in schemas, thing
            if kind == "table":
                assert thing in tables or (thing.endswith(".*") and thing[:-2] in schemas), thing


def test_the_page_is_what_the_declaration_says(matrix: Matrix) -> None:
    page = CHECKOUT / "docs" / "access-matrix.md"
    assert page.read_text("utf-8") == render(matrix), "run `xinglin access matrix`"
