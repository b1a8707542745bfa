"""Every switch of the embedded Airflow."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from governance.database import Role
from governance.runtime.airflow_environment import airflow_environment
from governance.runtime.secrets import Secrets
from governance.settings import Settings

PASSWORD = "p@ss/wo:rd?&=%"


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "True")
    monkeypatch.setenv("SECRET_OF_THE_SHELL", "1")
    held = Secrets.of(tmp_path)
    for role in Role:
        held.set(
            f"dsn_{role}",
            f"host=127.0.0.1 port=5 dbname=warehouse user=xinglin_{role} password='{PASSWORD}' "
            "sslmode=verify-ca sslrootcert='/a b/root.crt'",
        )
    for name in ("fernet_key", "jwt_secret", "api_secret", "dsn", "async_dsn"):
        held.set(f"airflow_{name}", name)
    settings = Settings.from_environment({"XINGLIN_STATE": str(tmp_path)})
    return airflow_environment(settings, held, 8081)


def test_connections_carry_login_and_tls_whatever_the_password_holds(environment: dict[str, str]) -> None:
    uri = urlsplit(environment["AIRFLOW_CONN_WAREHOUSE_COLLECT"])
    assert (uri.scheme, uri.username, uri.port, uri.path) == ("postgres", "xinglin_collect", 5, "/warehouse")
    assert unquote(uri.password or "") == PASSWORD
    assert parse_qs(uri.query) == {"sslmode": ["verify-ca"], "sslrootcert": ["/a b/root.crt"]}


def test_no_task_can_be_the_administrator(environment: dict[str, str]) -> None:
    assert "AIRFLOW_CONN_WAREHOUSE_ADMIN" not in environment
    assert not any("xinglin_admin" in value for value in environment.values())


def test_the_callers_shell_has_no_say(environment: dict[str, str]) -> None:
    assert environment["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert "SECRET_OF_THE_SHELL" not in environment


def test_all_addresses_are_this_machine(environment: dict[str, str]) -> None:
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8081/execution/"


def test_nothing_is_reported_to_anybody(environment: dict[str, str]) -> None:
    assert environment["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"
    assert environment["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "False"
    assert environment["DO_NOT_TRACK"] == "1"


def test_tasks_get_the_same_settings(environment: dict[str, str], tmp_path: Path) -> None:
    assert Settings.from_environment(environment) == Settings.from_environment({"XINGLIN_STATE": str(tmp_path)})
