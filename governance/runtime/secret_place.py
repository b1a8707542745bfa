"""Secrets of the server deployment: one file a secret, as Docker and Kubernetes mount them (``/run/secrets/<name>``).

A container holds the files of its own work only: what is not mounted there cannot be asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from psycopg.conninfo import make_conninfo

from governance.database import Role
from governance.errors import SettingsError

FOLDER = Path("/run/secrets")
AUTHORITY = "tls_authority"  # certificate of the authority that signed the servers' certificates
WAREHOUSE, AIRFLOW = "warehouse", "airflow"  # the two databases
AIRFLOW_LOGIN = "xinglin_airflow"


@dataclass(frozen=True)
class Place:
    """Where the servers stand and where the secrets are mounted."""

    folder: Path = FOLDER
    postgres_host: str = "postgres"
    postgres_port: int = 5432
    broker_host: str = "broker"
    broker_port: int = 6379
    keyring: str = "/var/lib/xinglin/keys/keyring.json"

    def read(self, name: str) -> str | None:
        """A secret without its line end; None where it is not mounted.

        Raises:
            SettingsError: the file is there, but empty or not readable by this user.
        """
        path = self.folder / name
        if not path.exists():
            return None
        try:
            value = path.read_text("utf-8").strip()
        except OSError as error:
            raise SettingsError(f"the secret {path} cannot be read ({error.strerror}); see docs/server.md") from error
        if not value:
            raise SettingsError(f"the secret {path} is empty; make it anew with docker/make-secrets.sh")
        return value

    def need(self, name: str) -> str:
        """A secret that must be there.

        Raises:
            SettingsError: it is not mounted in this container.
        """
        value = self.read(name)
        if value is None:
            raise SettingsError(f"no secret '{name}' in {self.folder}; docker-compose.yaml says who is given it")
        return value

    def tls(self) -> dict[str, str]:
        """libpq's parameters by which a client checks the server's certificate and its name."""
        return {"sslmode": "verify-full", "sslrootcert": str(self.folder / AUTHORITY)}

    def dsn(self, login: str, password: str, database: str) -> str:
        """A libpq connection string."""
        where: dict[str, Any] = {"host": self.postgres_host, "port": self.postgres_port, "dbname": database}
        return make_conninfo(**where, user=login, password=password, **self.tls())

    def connection_strings(self) -> dict[Role, str]:
        """Connection strings of the roles whose passwords are mounted here."""
        passwords = {role: self.read(f"password_xinglin_{role}") for role in Role}
        return {role: self.dsn(f"xinglin_{role}", text, WAREHOUSE) for role, text in passwords.items() if text}

    def airflow_url(self, driver: str) -> str | None:
        """SQLAlchemy URL of Airflow's own database, None where its password is not mounted."""
        password = self.read(f"password_{AIRFLOW_LOGIN}")
        if password is None:
            return None
        login = f"{AIRFLOW_LOGIN}:{quote(password, safe='')}"
        query = urlencode(self.tls(), quote_via=quote, safe="/")
        return f"postgresql+{driver}://{login}@{self.postgres_host}:{self.postgres_port}/{AIRFLOW}?{query}"

    def broker_url(self) -> str | None:
        """Celery's broker (TLS is Airflow's ``[celery] ssl_active``), None where its password is not mounted."""
        password = self.read("password_broker")
        return password and f"redis://:{quote(password, safe='')}@{self.broker_host}:{self.broker_port}/0"
