"""Pseudonyms, row salts and date shifts of persons, and salts of research projects.

All are derived from the keyring, so that a repeated run gives the same ones; they are stored because dbt, which holds
no key, joins with them. Readable by the services only.
"""

from __future__ import annotations

import uuid

import psycopg

from anonymization.dates import derive_shift_days
from anonymization.policy import DeidentificationPolicy
from governance.keys import Keyring


def add_pseudonyms(connection: psycopg.Connection, keyring: Keyring, policy: DeidentificationPolicy) -> int:
    """Give every person of ``base.person_link`` that has none a pseudonym; returns how many were new."""
    persons = [
        row[0].hex
        for row in connection.execute(
            "select distinct l.person_key from base.person_link l"
            " left join vault.pseudonym p using (person_key) where p.person_key is null"
        )
    ]
    key = keyring.key("pseudonym")
    identities = keyring.digest("pseudonym", "person").many(p.encode() for p in persons)
    salts = keyring.digest("pseudonym", "row_salt").many(p.encode() for p in persons)
    with connection.cursor() as cursor, cursor.copy("copy vault.pseudonym from stdin") as copy:
        for person, identity, salt in zip(persons, identities, salts, strict=True):
            copy.write_row((person, identity, salt, derive_shift_days(key, person, policy.maximum_shift_days)))
    return len(persons)


def add_project_salts(connection: psycopg.Connection, keyring: Keyring, projects: list[str]) -> None:
    """Give every research project its salt: equal patients get different research ids in different projects."""
    digest = keyring.digest("pseudonym", "project")
    for project in projects:
        connection.execute(
            "insert into vault.project_salt values (%s, %s) on conflict do nothing",
            (project, uuid.UUID(digest.one(project.encode()))),
        )
