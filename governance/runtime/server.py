"""``python -m governance.runtime.server``: what the containers of the server deployment run before their own program.

``provision``  makes roles, databases, keyring and schema on a PostgreSQL server that stands already; safe to repeat.
``exec …``     reads the mounted secrets that programs expect in their environment, then becomes the program named after
               it: the key-encryption key, and with ``--connections`` the connection string of every role whose password
               is mounted (for the command line; tasks get theirs from Airflow's secrets backend).
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING

import psycopg

from governance.database import Role
from governance.errors import DatabaseError, GovernanceError, SettingsError
from governance.runtime.secret_place import Place
from governance.settings import Settings

if TYPE_CHECKING:
    from governance.contracts import Catalogue


def provision_server(place: Place, settings: Settings) -> Catalogue:
    """Bring a server up to date: roles with the mounted passwords, databases, keyring, warehouse schema.

    Args:
        place: must hold the superuser's password and those of all logins.

    Returns:
        The catalogue that was applied; a malformed contract stops its own source only, and is the caller's to report.

    Raises:
        SettingsError: a secret is missing.
        DatabaseError: the server cannot be reached or refused a statement.
        KeyringError: the keyring and the key-encryption key do not stand together.
    """
    from governance.keys import create_keyring, open_keyring  # noqa: PLC0415 - slow imports; `exec` must be instant
    from governance.migrate import migrate  # noqa: PLC0415
    from governance.runtime.provision import roles_and_databases, service_logins  # noqa: PLC0415

    passwords = {login: place.need(f"password_{login}") for login in service_logins()}
    superuser = place.dsn("postgres", place.need("password_postgres"), "postgres")
    try:
        roles_and_databases(superuser, passwords, fresh=passwords)
    except psycopg.Error as error:
        raise DatabaseError(f"roles and databases could not be made: {str(error).splitlines()[0]}") from error
    create_keyring(settings.keyring, settings.suite)
    open_keyring(settings.keyring)  # fails here, not in the first task, if the key-encryption key is another one
    return migrate(place.connection_strings()[Role.ADMIN], settings)


def add_secrets(environment: MutableMapping[str, str], place: Place, *, connections: bool) -> None:
    """Put the mounted secrets into an environment; what is set there already stays.

    Raises:
        SettingsError: a mounted secret is empty or cannot be read.
    """
    if kek := place.read("kek"):
        environment.setdefault("XINGLIN_KEK", kek)
    if connections:
        for role, dsn in place.connection_strings().items():
            environment.setdefault(f"XINGLIN_DSN_{role.upper()}", dsn)


def main(arguments: Sequence[str]) -> int:
    """Run a sub-command; returns the exit status (``exec`` does not return)."""
    parser = argparse.ArgumentParser(prog="python -m governance.runtime.server", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("provision")
    becoming = commands.add_parser("exec")
    becoming.add_argument("--connections", action="store_true")
    becoming.add_argument("program", nargs=argparse.REMAINDER)
    wanted = parser.parse_args(arguments)
    place = Place()
    try:
        add_secrets(os.environ, place, connections=getattr(wanted, "connections", False))
        if wanted.command == "provision":
            catalogue = provision_server(place, Settings.from_environment())
            for source, messages in catalogue.failures.items():
                sys.stderr.write(f"契约有误 malformed contracts of {source}: {'; '.join(messages)}\n")
            sys.stdout.write(f"服务器已就绪 the server is provisioned: {len(catalogue.contracts)} contracts\n")
            return 0
        if not wanted.program:
            raise SettingsError("exec needs a program, e.g. `exec airflow scheduler`")
        os.execvp(wanted.program[0], wanted.program)  # noqa: S606 - the container's own command
    except (GovernanceError, FileNotFoundError) as error:
        sys.stderr.write(f"失败 failed: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
