"""Provisioning of a PostgreSQL server that stands already, with secrets from files: the server deployment."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from governance.database import Role, connect
from governance.errors import KeyringError
from governance.keys import open_keyring
from governance.runtime.postgres import THROW_AWAY, PostgresServer
from governance.runtime.secret_place import Place
from governance.runtime.server import main, provision_server
from governance.settings import Settings
from tests.conftest import scratch_folder

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """A server with the superuser's password of the secrets that docker/make-secrets.sh makes, and nothing in it."""
    with scratch_folder() as folder:
        mounted = folder / "secrets"
        subprocess.run([ROOT / "docker" / "make-secrets.sh", mounted], check=True, capture_output=True)
        superuser = (mounted / "password_postgres").read_text().strip()
        server = PostgresServer(folder / "postgres", superuser_password=superuser, settings=THROW_AWAY)
        try:
            server.initialise()
            server.start()
            authority = mounted / "tls_authority"
            authority.unlink()
            authority.write_bytes(server.root_certificate.read_bytes())
            keyring = str(folder / "keys" / "keyring.json")
            yield Place(folder=mounted, postgres_host="localhost", postgres_port=server.port, keyring=keyring)
        finally:
            server.destroy()


@pytest.fixture(scope="module")
def settings(place: Place) -> Settings:
    state = str(place.folder.parent / "state")
    return Settings.from_environment({"XINGLIN_STATE": state, "XINGLIN_KEYRING": place.keyring})


@pytest.fixture
def _kek(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINGLIN_KEK", place.need("kek"))


@pytest.mark.usefixtures("_kek")
def test_an_empty_server_gets_everything_and_a_second_time_changes_nothing(place: Place, settings: Settings) -> None:
    for _ in range(2):
        catalogue = provision_server(place, settings)
        assert catalogue.contracts
        assert not catalogue.failures
    for role, dsn in place.connection_strings().items():
        with connect(dsn) as connection:
            row = connection.execute(
                "select current_user, ssl from pg_stat_ssl where pid = pg_backend_pid()"
            ).fetchone()
            assert row == (f"xinglin_{role}", True)
    with connect(place.connection_strings()[Role.TRANSFORM]) as connection:
        connection.execute("select * from landing.his_patient")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from vault.his_patient")
    url = (place.airflow_url("psycopg") or "").replace("+psycopg", "")
    with psycopg.connect(url) as airflow:
        airflow.execute("create table mine (n int)")
        airflow.rollback()


@pytest.mark.usefixtures("_kek")
def test_the_keyring_is_closed_by_the_mounted_key_alone(place: Place, settings: Settings) -> None:
    """No second key lies beside it, and another key does not open it."""
    provision_server(place, settings)
    assert os.listdir(settings.keyring.parent) == ["keyring.json"]  # noqa: PTH208 - names are compared
    assert open_keyring(settings.keyring).key("token")
    os.environ["XINGLIN_KEK"] = base64.b64encode(secrets.token_bytes(32)).decode()
    with pytest.raises(KeyringError, match="belongs to another keyring"):
        provision_server(place, settings)


@pytest.mark.usefixtures("_kek")
def test_a_password_is_renewed_by_its_file(place: Place, settings: Settings) -> None:
    provision_server(place, settings)
    before = place.connection_strings()[Role.COLLECT]
    renewed = place.folder / "password_xinglin_collect"
    renewed.unlink()
    renewed.write_text("another one, of good length\n")
    provision_server(place, settings)
    with connect(place.connection_strings()[Role.COLLECT]):
        pass
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(before)


def test_a_command_without_its_secrets_says_so_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    if Path("/run/secrets").exists():
        pytest.skip("this machine mounts secrets itself")
    assert main(["provision"]) == 1
    assert "no secret 'password_" in capsys.readouterr().err


def test_exec_becomes_the_program() -> None:
    command = [sys.executable, "-m", "governance.runtime.server", "exec", sys.executable, "-c", "print('it is me')"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "it is me\n"
