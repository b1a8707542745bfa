"""Secrets as mounted files: what is missing, what is empty, and what is made of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from governance.database import Role
from governance.errors import SettingsError
from governance.runtime.secret_place import Place
from governance.runtime.server import add_secrets

ROOT = Path(__file__).resolve().parents[3]
HARD = "a b'c\\d@/é"  # what would break a string that is glued together
ASK = """
import json
from airflow.configuration import conf
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

def connection(name):
    try:
        found = Connection.get(name)
    except AirflowNotFoundException:
        return None
    return [found.host, found.port, found.schema, found.login, found.password, found.extra_dejson]

options = ["database.sql_alchemy_conn", "core.fernet_key", "celery.broker_url"]
names = ["warehouse_collect", "warehouse_admin", "warehouse_audit", "warehouse_other", "keyring"]
print("\\n" + json.dumps({
    "options": {name: conf.get(*name.split(".")) for name in options},
    "connections": {name: connection(name) for name in names},
}))
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name in ("password_xinglin_collect", "password_xinglin_admin", "password_xinglin_airflow", "password_broker"):
        (folder / name).write_text(f"{HARD}\n", "utf-8")
    return Place(folder=folder)


def test_a_secret_that_is_not_mounted_is_none_and_one_that_is_needed_is_named(place: Place) -> None:
    assert place.read("password_postgres") is None
    with pytest.raises(SettingsError, match="no secret 'password_postgres'"):
        place.need("password_postgres")


def test_an_empty_secret_is_refused(place: Place) -> None:
    (place.folder / "kek").write_text("\n")
    with pytest.raises(SettingsError, match="kek is empty"):
        place.read("kek")


def test_only_roles_whose_password_is_mounted_have_a_connection_string(place: Place) -> None:
    assert set(place.connection_strings()) == {Role.COLLECT, Role.ADMIN}


def test_a_connection_string_keeps_any_password_and_checks_the_servers_name(place: Place) -> None:
    part = conninfo_to_dict(place.connection_strings()[Role.COLLECT])
    assert (part["password"], part["user"], part["sslmode"]) == (HARD, "xinglin_collect", "verify-full")
    assert part["sslrootcert"] == str(place.folder / "tls_authority")


def test_the_environment_gets_what_is_mounted_and_keeps_what_it_has(place: Place) -> None:
    (place.folder / "kek").write_text("from the file\n")
    environment = {"XINGLIN_DSN_COLLECT": "set by hand"}
    add_secrets(environment, place, connections=True)
    assert environment["XINGLIN_KEK"] == "from the file"
    assert environment["XINGLIN_DSN_COLLECT"] == "set by hand"
    assert "XINGLIN_DSN_BACKUP" not in environment
    without: dict[str, str] = {}
    add_secrets(without, place, connections=False)
    assert list(without) == ["XINGLIN_KEK"]


def test_airflow_reads_its_options_and_connections_from_the_files(place: Place, tmp_path: Path) -> None:
    """In a process of its own, with the variables that docker-compose.yaml sets."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__SECRETS__BACKEND": "governance.runtime.secret_files.SecretFiles",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"folder": str(place.folder)}),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET": "airflow_database",
        "AIRFLOW__CORE__FERNET_KEY_SECRET": "airflow_fernet_key",
        "AIRFLOW__CELERY__BROKER_URL_SECRET": "broker_url",
    }
    (place.folder / "airflow_fernet_key").write_text("a fernet key\n")
    result = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)
    answer = json.loads(result.stdout.splitlines()[-1])
    assert answer["options"]["core.fernet_key"] == "a fernet key"
    assert answer["options"]["database.sql_alchemy_conn"].startswith("postgresql+psycopg2://xinglin_airflow:a%20b")
    assert answer["options"]["celery.broker_url"] == "redis://:a%20b%27c%5Cd%40%2F%C3%A9@broker:6379/0"
    tls = {"sslmode": "verify-full", "sslrootcert": str(place.folder / "tls_authority")}
    expected = ["postgres", 5432, "warehouse", "xinglin_collect", HARD, tls]
    assert answer["connections"].pop("warehouse_collect") == expected
    assert answer["connections"].pop("keyring")[5] == {"path": "/var/lib/xinglin/keys/keyring.json"}
    assert set(answer["connections"].values()) == {None}  # no task may be the administrator, even where it is mounted
