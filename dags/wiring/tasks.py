"""What tasks need of Airflow: connection strings, the run's id, and which errors are not worth a retry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airflow.sdk import Connection, get_current_context
from airflow.sdk.exceptions import AirflowFailException
from psycopg.conninfo import make_conninfo

from governance.database import Role
from governance.errors import CollectionError, ContractError, KeyringError, SettingsError, TransformationError
from governance.settings import Settings
from wiring.assets import RECOVERABLE_UNTIL

# the same input would fail again
_FINAL = (ContractError, CollectionError, KeyringError, SettingsError, TransformationError)


def dsn(role: Role) -> str:
    """Connection string of a service role, from the Airflow connection ``warehouse_<role>``."""
    connection = Connection.get(f"warehouse_{role}")
    return make_conninfo(
        host=connection.host,
        port=connection.port,
        dbname=connection.schema,
        user=connection.login,
        password=connection.password,
        **connection.extra_dejson,
    )


def settings() -> Settings:
    """Settings of the installation; where the keyring is comes from the Airflow connection ``keyring``."""
    keyring = Path(str(Connection.get("keyring").extra_dejson["path"]))
    return Settings.from_environment().model_copy(update={"keyring": keyring})


def run_id() -> str:
    """Id of the DAG run, with which everything that the run writes is marked."""
    return str(get_current_context()["dag_run"].run_id)


def announce_recoverable() -> str | None:
    """Say in the extra of the asset ``recoverable_until`` until when everything can be restored; returns it."""
    from governance.lifecycle.drilling import recoverable_until

    until = recoverable_until(settings())
    get_current_context()["outlet_events"][RECOVERABLE_UNTIL].extra["until"] = until
    return until


@contextmanager
def final_errors() -> Iterator[None]:
    """Errors that a retry cannot mend fail the task at once."""
    try:
        yield
    except _FINAL as error:
        raise AirflowFailException(str(error)) from error
