"""Settings of the embedded server that a test of the running one cannot see."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.errors import RuntimeFailure
from governance.runtime.certificates import Certificates
from governance.runtime.postgres import PostgresServer


def test_a_folder_without_a_cluster_is_not_started(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailure, match="holds no database cluster"):
        PostgresServer(tmp_path / "none").start()


def test_an_unknown_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailure, match="no program 'pg_nonsense'"):
        PostgresServer(tmp_path / "data").tool("pg_nonsense")


def test_nothing_runs_where_nothing_is(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "none")
    assert not server.is_running()
    assert server.processes == []
    server.destroy()
    with pytest.raises(RuntimeFailure, match="no server runs"):
        _ = server.port


def test_the_servers_key_is_for_its_owner_only(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path / "tls")
    assert not certificates.exist()
    certificates.create()
    assert certificates.exist()
    assert certificates.key.stat().st_mode & 0o077 == 0
    assert b"PRIVATE KEY" not in certificates.root.read_bytes() + certificates.certificate.read_bytes()
