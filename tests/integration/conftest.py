"""A small hospital for integration tests: two deliveries of 150 patients, with the answer key beside them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from governance.backup.archiver import Status
from governance.collection.stage import collect_source, sources
from governance.database import Role
from governance.lifecycle.layers import build_layer
from governance.runtime.archiving import ArchiverFiles
from governance.settings import Settings
from include.sample_hospital import generate
from tests.conftest import Warehouse, _copy, new_database
from tests.integration.pgbackrest_cluster import cluster, near  # noqa: F401 - fixtures


def wait_until_archived(settings: Settings, since: datetime | None = None, patience: float = 60) -> datetime:
    """Wait until the archiver says that everything before ``since`` (any moment) is archived; until when it is."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        status = Status.read(ArchiverFiles(settings.state).status)
        if status and status.state == "archiving" and status.until and (since is None or status.until > since):
            return status.until
        time.sleep(0.1)
    raise AssertionError(f"nothing was archived in {patience} s: {status}")


@dataclass(frozen=True)
class Hospital:
    """Folders of a generated hospital."""

    deliveries: Path
    answer_key: Path

    def answers(self, name: str) -> list[dict[str, Any]]:
        """Records of one file of the answer key (``defects``, ``canaries``, ``spans``, ``persons``)."""
        lines = (self.answer_key / f"{name}.ndjson").read_text("utf-8").splitlines()
        assert lines
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    """150 patients, the initial delivery and one day."""
    folder = tmp_path_factory.mktemp("hospital")
    summary = generate(folder / "deliveries", patients=150, daily_deliveries=1)
    return Hospital(summary.root, summary.answer_key)


@pytest.fixture(scope="session")
def collected(warehouse: Warehouse, hospital: Hospital) -> Iterator[Warehouse]:
    """A database into which the whole hospital was collected once; tests read it and change nothing."""
    with new_database(warehouse) as made:
        settings = made.settings.model_copy(update={"deliveries": hospital.deliveries})
        for source in sources(settings):
            collect_source(source, made.dsn(Role.COLLECT), settings, "first")
        yield Warehouse(settings, made.server, made.secrets, made.database)


@pytest.fixture(scope="session")
def standardized(collected: Warehouse) -> Iterator[Warehouse]:
    """The same with ``base`` built from it, run ``first``; tests copy it."""
    with copy_of(collected) as made:
        build_layer("standardize", made.dsn(Role.TRANSFORM), made.settings, "first")
        yield made


@contextmanager
def copy_of(collected: Warehouse) -> Iterator[Warehouse]:
    """A copy of a database that tests share, for tests that change it."""
    with new_database(collected) as made:
        with psycopg.connect(made.server.superuser_dsn(), autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(made.database)))
            _copy(connection, collected.database, made.database)
        settings = made.settings.model_copy(update={"deliveries": collected.settings.deliveries})
        yield Warehouse(settings, made.server, made.secrets, made.database)
