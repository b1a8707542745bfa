"""What a restored copy holds of people: their ciphertexts open with the keys at hand, those of the withdrawn do not."""

from __future__ import annotations

from itertools import groupby

import psycopg
from psycopg import sql

from anonymization.errors import DecryptionError
from governance.backup.drill.outcomes import Check, check
from governance.contracts import load_catalogue
from governance.database import connect
from governance.errors import KeyringError
from governance.keys import open_keyring
from governance.keys.purge import patients_present
from governance.keys.rotation import Target, targets
from governance.settings import Settings

_Value = tuple[str, bytes, int, str | None]


def decryption(dsn: str, settings: Settings, values: int, seed: int) -> Check:
    """Open a sample of ciphertexts of every encrypted column; nothing that is opened is kept or shown.

    Args:
        values: at most so many of each table.
        seed: which ones.
    """
    opened, findings, columns = 0, [], 0
    try:
        keyring, catalogue = open_keyring(settings.keyring), load_catalogue(settings.contracts)
        cipher = keyring.cipher("field")
    except KeyringError as error:
        return check("decryption", 1, "密钥不可用 no keys", [str(error)])
    with connect(dsn, application="xinglin drill") as connection:
        for target in targets(catalogue, "field"):
            for place, group in groupby(_sample(connection, target, values, seed), key=lambda value: value[0]):
                rows = list(group)
                columns += 1
                try:
                    cipher.decrypt_column(place, [r[1] for r in rows], [r[2] for r in rows], [r[3] for r in rows])
                    opened += len(rows)
                except (DecryptionError, KeyringError) as error:
                    findings.append(f"{place}: {error}")
    if not columns:
        return check("decryption", 0, "副本中无密文 the copy holds no ciphertexts")
    return check("decryption", opened + len(findings), f"{opened:,} 个值 values · {columns} 列 columns", findings)


def withdrawn(dsn: str, settings: Settings) -> Check:
    """No row of the copy belongs to a withdrawn person, and the key store has no salt for one."""
    store = open_keyring(settings.keyring).persons
    stones = store.tombstones() if store else []
    if store is None or not stones:
        return check("withdrawn", 0, "无人撤回 nobody has withdrawn")
    with connect(dsn, application="xinglin drill") as connection:
        present = patients_present(connection, load_catalogue(settings.contracts))
    left = store.withdrawn(present)
    salted = len(store.find(sorted(left)))
    findings = [f"{len(left)} patient numbers of withdrawn persons still have rows in the copy"] if left else []
    if salted:
        findings.append(f"{salted} of them still have a key: their ciphertexts can be read")
    words = f"{len(stones)} 个墓碑 tombstones · {len(present):,} 个病人号 patient numbers looked at"
    return check("withdrawn", len(stones), words, findings)


def _sample(connection: psycopg.Connection, target: Target, values: int, seed: int) -> list[_Value]:
    """Place, value, row id and patient key of some values, drawn by a hash of the row's id."""
    found: list[_Value] = []
    each = max(1, values // max(1, len(target.columns)))
    for name, _suite in target.columns:
        query = sql.SQL(
            "select {column}, {row}, {person} from {table} where {column} is not null"
            " order by hashint8extended({row}, %s) limit %s"
        ).format(column=sql.Identifier(name), row=target.row_id, person=target.person, table=target.table)
        for value, row_id, person in connection.execute(query, (seed, each)).fetchall():
            found.append((f"{target.place}.{name}", bytes(value), row_id, person.hex if person else None))
    return found
