"""Salts of research ids: one a project or specialty mart, made once, read by dbt, never by a researcher."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID, uuid4

import psycopg

from governance.errors import DatabaseError

SPECIALTY_SALTS = ("specialty_breast_cancer",)
"""Salts of the specialty marts; research projects use their own names."""


def ensure_project_salts(
    connection: psycopg.Connection, projects: Iterable[str], *, new_salt: Callable[[], UUID] = uuid4
) -> int:
    """Give every project and specialty mart that has none a salt in ``vault.project_salt``; commits.

    A salt never changes: another one would give every patient of the project another research id.

    Returns:
        Number of salts made.

    Raises:
        DatabaseError: the vault refused the rows.
    """
    names = sorted({*projects, *SPECIALTY_SALTS})
    try:
        with connection.transaction():
            made = 0
            for name in names:
                cursor = connection.execute(
                    "insert into vault.project_salt (project, salt) values (%s, %s) on conflict (project) do nothing",
                    (name, new_salt()),
                )
                made += cursor.rowcount
    except psycopg.Error as error:
        raise DatabaseError(
            f"no salt could be written for the projects {', '.join(names)}; check the grants on vault.project_salt"
        ) from error
    return made
