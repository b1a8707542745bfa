"""Fixtures that all tests share: a throw-away warehouse on a real server, and empty databases on it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from governance.database import Role
from governance.runtime.postgres import THROW_AWAY, PostgresServer
from governance.runtime.provision import WAREHOUSE, grant_connections, login_of, provision
from governance.runtime.secrets import Secrets
from governance.settings import Settings

_SLOWEST_FIRST = ("e2e", "integration", "dbt", "dags", "unit")
_TEMPLATE = "warehouse_template"
_NUMBERS = count(1)


@dataclass(frozen=True)
class Warehouse:
    """A provisioned and migrated database; ``settings.state`` holds its secrets.json, so commands work on it."""

    settings: Settings
    server: PostgresServer
    secrets: Secrets
    database: str = WAREHOUSE

    def dsn(self, role: Role) -> str:
        """Connection string of a service role."""
        return make_conninfo(self.secrets[f"dsn_{role}"], dbname=self.database)

    def superuser_dsn(self) -> str:
        """Connection string of PostgreSQL's superuser, to plant what no service could."""
        return self.server.superuser_dsn(self.database)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run long files first, so that processes end at about the same time; then by name, however they were named."""
    here = Path(__file__).parent
    items.sort(key=lambda item: (_SLOWEST_FIRST.index(item.path.relative_to(here).parts[0]), item.path))


class _BySetUp(LoadFileScheduling):
    """A process takes whole files, and all files that share the slow cluster of pgBackRest."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "pgbackrest" if file.endswith("pgbackrest.py") and "integration" in file else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """In the place of ``--dist=loadfile``."""
    return _BySetUp(config, log)


@pytest.fixture(scope="session")
def warehouse() -> Iterator[Warehouse]:
    """One server for the session. Tests share its data: use ``empty_warehouse`` where counts matter."""
    with scratch_folder() as folder:
        settings = Settings.from_environment({"XINGLIN_STATE": str(folder / "state")})
        server = PostgresServer(
            settings.state / "postgres",
            log_file=settings.state / "logs" / "postgres.log",
            superuser_password="of-a-throw-away-server",
            settings=THROW_AWAY,
        )
        try:
            server.initialise()
            server.start()
            secrets = provision(server, settings)
            with psycopg.connect(server.superuser_dsn(), autocommit=True) as connection:
                _copy(connection, WAREHOUSE, _TEMPLATE)
            yield Warehouse(settings, server, secrets)
        finally:
            server.destroy()


@pytest.fixture
def empty_warehouse(warehouse: Warehouse) -> Iterator[Warehouse]:
    """A database of its own for one test, migrated and empty (0.2 s); state folder and keys are its own as well."""
    with new_database(warehouse) as made:
        yield made


@contextmanager
def new_database(warehouse: Warehouse) -> Iterator[Warehouse]:
    """An empty, migrated database beside the shared one, for fixtures of any scope."""
    name = f"warehouse_{next(_NUMBERS)}"
    with psycopg.connect(warehouse.server.superuser_dsn(), autocommit=True) as connection:
        _copy(connection, _TEMPLATE, name)
        try:
            with scratch_folder() as folder:
                settings = Settings.from_environment({"XINGLIN_STATE": str(folder / "state")})
                secrets = Secrets.of(settings.state)
                for key, value in warehouse.secrets.values.items():
                    own = key.startswith("dsn_") or (key.endswith("_dsn") and not key.startswith("airflow_"))
                    secrets.set(key, make_conninfo(value, dbname=name) if own else value)
                secrets.save()
                shutil.copytree(warehouse.settings.keyring.parent, settings.keyring.parent)
                yield Warehouse(settings, warehouse.server, secrets, name)
        finally:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder that other users may enter (pytest's own may not be), removed at the end."""
    path = Path(tempfile.mkdtemp(prefix="xinglin-test-"))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _copy(connection: psycopg.Connection, template: str, name: str) -> None:
    """A copy of a database with the warehouse's own grants (PostgreSQL does not copy those)."""
    own, pattern = sql.Identifier(name), sql.Identifier(template)
    owner = sql.Identifier(login_of(Role.ADMIN))
    connection.execute(
        sql.SQL("create database {} template {} owner {} strategy file_copy").format(own, pattern, owner)
    )
    connection.execute(sql.SQL("revoke all on database {} from public").format(own))
    grant_connections(connection, name)


def is_root() -> bool:
    """Whether the tests run as root (some then prove how the server is handed to another user)."""
    return os.geteuid() == 0
