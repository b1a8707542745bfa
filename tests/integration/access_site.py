"""A warehouse with marts as dbt would build them (all declared columns, three rows) and logins that may read them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from governance.access.policy import declared_marts
from governance.audit import AuditKeys
from governance.database import Role
from governance.settings import Settings
from tests.conftest import Warehouse, new_database

PROJECT, MART = "breast_cancer", "specialty.breast_cancer_patient"
OTHER_PROJECT, OTHER_MART = "hypertension_follow_up", "research.hypertension_follow_up_visit"
PURPOSE = "新辅助疗效的描述"
PERSON = "demo_researcher"
COUNT = f"select count(*) from (select research_id from {MART}) as rows"


@dataclass(frozen=True)
class Site:
    """The database and ways into it."""

    warehouse: Warehouse

    @property
    def settings(self) -> Settings:
        return self.warehouse.settings

    @property
    def keys(self) -> AuditKeys:
        return AuditKeys.open(self.settings)

    def dsn(self, person: str) -> str:
        return make_conninfo(self.warehouse.secrets[f"{person}_dsn"], dbname=self.warehouse.database)

    def person(self, person: str = "researcher", *, autocommit: bool = True) -> psycopg.Connection:
        return psycopg.connect(self.dsn(person), autocommit=autocommit)

    def role(self, role: Role) -> psycopg.Connection:
        return psycopg.connect(self.warehouse.dsn(role), autocommit=True)

    def superuser(self, *, autocommit: bool = True) -> psycopg.Connection:
        return psycopg.connect(self.warehouse.superuser_dsn(), autocommit=autocommit)

    def approve(self, project: str = PROJECT, days: float = 1, person: str = PERSON) -> int:
        with self.person("ethics") as committee:
            row = committee.execute(
                "select access.approve(%s, %s, %s, now() - interval '1 minute', now() + make_interval(secs => %s))",
                (person, project, [PURPOSE], days * 86_400),
            ).fetchone()
        assert row is not None
        return int(row[0])


@contextmanager
def make_site(warehouse: Warehouse) -> Iterator[Site]:
    """A site with two marts of two projects."""
    with new_database(warehouse) as made:
        site = Site(made)
        for name in (MART, OTHER_MART):
            build(site, name)
        yield site


def build(site: Site, name: str) -> None:
    """Build a mart as dbt does: a new table under the name, rights by the post-hook, one transaction."""
    mart = declared_marts(site.settings)[name]
    columns = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(column)) for column in mart.levels)
    table = sql.Identifier(mart.schema_name, mart.table_name)
    with psycopg.connect(site.warehouse.dsn(Role.TRANSFORM)) as connection:
        connection.execute(sql.SQL("drop table if exists {}").format(table))
        connection.execute(sql.SQL("create table {} ({})").format(table, columns))
        connection.execute(sql.SQL("insert into {} (research_id) values ('a'), ('b'), ('c')").format(table))
        connection.execute("select access.protect(%s, %s)", (mart.schema_name, mart.table_name))


def begin(connection: psycopg.Connection, project: str = PROJECT, purpose: str = PURPOSE) -> None:
    """Open work."""
    connection.execute("select access.begin_work(%s, %s)", (project, purpose))


def rows(connection: psycopg.Connection, query: str = COUNT) -> int:
    """How many rows a reader sees."""
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])
