"""Airflow secrets backend of the server deployment, over the files of :mod:`governance.runtime.secret_place`.

It hands tasks the connections ``warehouse_<role>`` and ``keyring``, and Airflow its own secret options
(``AIRFLOW__<SECTION>__<KEY>_SECRET=<name>``). Nothing secret stands in the environment or in Airflow's database.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airflow.secrets.base_secrets import BaseSecretsBackend

from governance.database import Role
from governance.runtime.secret_place import WAREHOUSE, Place


class SecretFiles(BaseSecretsBackend):  # type: ignore[misc]  # Airflow's classes are not typed for us
    """Airflow secrets backend over secret files.

    Args:
        place: fields of :class:`Place` as keywords (``AIRFLOW__SECRETS__BACKEND_KWARGS``, JSON); none is a secret.
    """

    def __init__(self, **place: Any) -> None:
        super().__init__()
        folder = {"folder": Path(place["folder"])} if "folder" in place else {}
        self._place = Place(**(place | folder))

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        """A connection as JSON; None for one that this backend does not know (Airflow then asks elsewhere)."""
        del team_name
        if conn_id == "keyring":
            return json.dumps({"conn_type": "generic", "extra": {"path": self._place.keyring}})
        role = conn_id.removeprefix("warehouse_")
        if role in (conn_id, Role.ADMIN) or role not in set(Role):  # no task may be the administrator
            return None
        password = self._place.read(f"password_xinglin_{role}")
        return password and json.dumps(self._connection(role, password))

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        """None: the pipeline has no Airflow variables."""
        del key, team_name
        return None

    def get_config(self, key: str) -> str | None:
        """An Airflow option by the name that its ``_SECRET`` variable gives; any other name is that of a file."""
        made = {
            "airflow_database": lambda: self._place.airflow_url("psycopg2"),
            "airflow_database_async": lambda: self._place.airflow_url("psycopg"),
            "broker_url": self._place.broker_url,
        }
        return made[key]() if key in made else self._place.read(key)

    def _connection(self, role: str, password: str) -> Mapping[str, Any]:
        return {
            "conn_type": "postgres",
            "host": self._place.postgres_host,
            "port": self._place.postgres_port,
            "schema": WAREHOUSE,
            "login": f"xinglin_{role}",
            "password": password,
            "extra": self._place.tls(),
        }
