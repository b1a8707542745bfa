"""The environment of Airflow's processes, built in one place: every switch of the embedded Airflow is here.

Secrets reach the processes in their environment only (other users cannot read it), never on a command line.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import quote, urlencode

from psycopg.conninfo import conninfo_to_dict

from governance.database import Role
from governance.runtime.secrets import Secrets
from governance.settings import Settings

ADMIN = "admin"
_INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "SSL_CERT_FILE")  # nothing else of the caller's shell
_SERVER_MODULE = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"


def airflow_home(settings: Settings) -> Path:
    """Airflow's own folder under the state."""
    return settings.state / "airflow"


def passwords_file(settings: Settings) -> Path:
    """The file from which the simple auth manager reads the administrator's password."""
    return airflow_home(settings) / "passwords.json"


def airflow_environment(
    settings: Settings, held: Secrets, port: int, *, dags: Path | None = None, parallelism: int = 4
) -> dict[str, str]:
    """Variables for all of Airflow's processes and, by inheritance, all tasks.

    Args:
        settings: where things are.
        held: secrets with the connection strings of this start.
        port: the API server's port on 127.0.0.1.
        dags: the DAG folder, by default the project's.
        parallelism: tasks at the same time; each costs a pre-forked worker.
    """
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return (
        inherited
        | {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PYTHONPATH": str(settings.project)}
        | _airflow(settings, held, port, dags or settings.project / "dags", parallelism)
        | _connections(settings, held)
        | _pipeline(settings, held)
        | _silence()
    )


def _airflow(settings: Settings, held: Secrets, port: int, dags: Path, parallelism: int) -> dict[str, str]:
    home, logs = airflow_home(settings), settings.state / "logs" / "airflow"
    options = {
        "core": {
            "executor": "LocalExecutor",
            "parallelism": str(parallelism),
            "dags_folder": str(dags),
            "plugins_folder": str(home / "plugins"),
            "load_examples": "False",
            "dags_are_paused_at_creation": "False",
            "default_timezone": "Asia/Shanghai",
            "hostname_callable": "socket.gethostname",  # the default asks the name service
            "fernet_key": held["airflow_fernet_key"],
            "execution_api_server_url": f"http://127.0.0.1:{port}/execution/",
            "auth_manager": _SERVER_MODULE,
            "simple_auth_manager_users": f"{ADMIN}:admin",
            "simple_auth_manager_passwords_file": str(passwords_file(settings)),
            "test_connection": "Disabled",
        },
        "database": {
            "sql_alchemy_conn": held["airflow_dsn"],
            "sql_alchemy_conn_async": held["airflow_async_dsn"],
            "load_default_connections": "False",
        },
        "api": {
            "host": "127.0.0.1",
            "port": str(port),
            "base_url": f"http://127.0.0.1:{port}",
            "workers": "1",
            "secret_key": held["airflow_api_secret"],
            "expose_config": "False",
        },
        "api_auth": {"jwt_secret": held["airflow_jwt_secret"]},
        "scheduler": {
            "scheduler_idle_sleep_time": "0.3",
            "enable_health_check": "False",
            "orphaned_tasks_check_interval": "30",  # tasks of a scheduler that was killed are run again sooner
            "task_instance_heartbeat_timeout": "120",
        },
        "workers": {"min_heartbeat_interval": "1"},  # with the default of 5 s a finished task may hold its slot for 5 s
        "dag_processor": {"min_file_process_interval": "60"},
        "logging": {
            "base_log_folder": str(logs),
            "dag_processor_child_process_log_directory": str(logs / "dag_processor"),
            "colored_console_log": "False",
        },
        "openlineage": {"disabled": "True"},  # the stages emit their own events
        "usage_data_collection": {"enabled": "False"},
    }
    return {"AIRFLOW_HOME": str(home)} | {
        f"AIRFLOW__{section.upper()}__{name.upper()}": value
        for section, values in options.items()
        for name, value in values.items()
    }


def _connections(settings: Settings, held: Secrets) -> dict[str, str]:
    """One Airflow connection a service role (not the administrator, whom no task may be), and the keyring's place."""
    stages = [role for role in Role if role is not Role.ADMIN]
    return {f"AIRFLOW_CONN_WAREHOUSE_{role.upper()}": _uri(held[f"dsn_{role}"]) for role in stages} | {
        "AIRFLOW_CONN_KEYRING": json.dumps({"conn_type": "generic", "extra": {"path": str(settings.keyring)}})
    }


def _uri(dsn: str) -> str:
    part = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    query = urlencode({name: part[name] for name in ("sslmode", "sslrootcert")})
    login = f"{quote(part['user'], safe='')}:{quote(part['password'], safe='')}"
    return f"postgres://{login}@{part['host']}:{part['port']}/{part['dbname']}?{query}"


def _pipeline(settings: Settings, held: Secrets) -> dict[str, str]:
    """The settings as XINGLIN_* variables, and what dbt's profile reads."""
    dbt = conninfo_to_dict(held["dsn_transform"])
    chosen = {name: value for name, value in settings.model_dump().items() if value is not None}
    return {f"XINGLIN_{name.upper()}": str(value) for name, value in chosen.items()} | {
        "XINGLIN_PG_HOST": str(dbt["host"]),
        "XINGLIN_PG_PORT": str(dbt["port"]),
        "XINGLIN_PG_DATABASE": str(dbt["dbname"]),
        "XINGLIN_PG_SSLROOTCERT": str(dbt["sslrootcert"]),
        "XINGLIN_DBT_USER": str(dbt["user"]),
        "XINGLIN_DBT_PASSWORD": str(dbt["password"]),
        "PGSSLMODE": str(dbt["sslmode"]),
        "PGSSLROOTCERT": str(dbt["sslrootcert"]),
    }


def _silence() -> dict[str, str]:
    """No usage statistics and no look for newer versions."""
    return {
        "DO_NOT_TRACK": "1",
        "SCARF_ANALYTICS": "false",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "False",
        "DBT_USE_COLORS": "False",
        "NO_COLOR": "1",
    }
