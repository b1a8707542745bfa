"""A new version of the blind-index key: every index is replaced in one transaction, so that joins stay right.

A ciphertext says which key it needs; an index does not, and rows are *joined* by it (linkage of patients). Hence not
batch by batch: readers see all indexes of the old version or all of the new one. Lookups know both versions from before
the first index changes (``BlindIndexer.candidates``); the new version makes the indexes of new values after the last
one has changed. Collecting waits meanwhile. Killed at any point, it is started again and begins anew.

Old indexes are worked out from the decrypted values, not read from the tables: so a repeated run also mends an index
that a standardising run, which was under way, wrote after the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from anonymization.encryption import BlindIndexer, FieldCipher
from governance.collection.stage import SOURCE_LOCK
from governance.contracts import Catalogue, Contract, Field, Protection
from governance.errors import KeyringError
from governance.keys.keyring import Keyring
from governance.keys.store import add_version, open_keyring, promote

_FETCH = 10_000
PURPOSE = "blind_index"


@dataclass(frozen=True)
class IndexColumn:
    """One column that holds indexes, or something made of an index.

    Attributes:
        made_of: SQL with ``{index}``: how the column's value is made of an index.
    """

    schema: str
    relation: str
    column: str
    domain: str
    made_of: str = "{index}"


_DERIVED = (  # what dbt keeps of indexes between its runs (int_patient_record.sql)
    IndexColumn("intermediate", "int_patient_record", "resident_id_link", "resident_id"),
    IndexColumn(
        "intermediate", "int_patient_record", "ssn_link", "ssn", "md5({index}::text || birth_date::text)::uuid"
    ),
)


def rotate_indexes(
    connection: psycopg.Connection, catalogue: Catalogue, path: Path, *, resume: bool = False
) -> dict[str, int]:
    """Give blind indexes a new key, or finish a rotation that was killed.

    Args:
        connection: of the role ``admin``, in autocommit.
        path: the keyring file.
        resume: make no new version; bring everything to the newest one that there is.

    Returns:
        Indexes replaced, by table and column.

    Raises:
        KeyringError: a contract indexes a field without encrypting it, so that its index cannot be made again.
    """
    _refuse_unencrypted(catalogue)
    for source in sorted(catalogue.sources):  # collect opens the keyring under this lock
        connection.execute("select pg_advisory_lock(%s, hashtext(%s))", (SOURCE_LOCK, source))
    if not resume and not open_keyring(path).pending:
        add_version(path, PURPOSE, pending=True)
    keyring = open_keyring(path)
    with connection.transaction():
        _list_changes(connection, catalogue, keyring, max(keyring.keys[PURPOSE]))
        replaced = {
            f"{column.schema}.{column.relation}.{column.column}": connection.execute(_replacement(column)).rowcount
            for column in _columns(connection, catalogue)
        }
        connection.execute("drop table pg_temp.index_change")
    promote(path, PURPOSE)
    for source in sorted(catalogue.sources):
        connection.execute("select pg_advisory_unlock(%s, hashtext(%s))", (SOURCE_LOCK, source))
    return replaced


def count_old_indexes(connection: psycopg.Connection, catalogue: Catalogue, keyring: Keyring) -> int:
    """How many indexes stand under a version that is not the newest; decrypts what is indexed (role ``audit``)."""
    if len(keyring.keys[PURPOSE]) == 1:
        return 0
    found = 0
    with connection.transaction():
        _list_changes(connection, catalogue, keyring, max(keyring.keys[PURPOSE]))
        for column in _columns(connection, catalogue):
            row = connection.execute(
                sql.SQL("select count(*) from {table} as t join pg_temp.index_change as c on {match}").format(
                    table=sql.Identifier(column.schema, column.relation), match=_match(column)
                )
            ).fetchone()
            found += int(row[0]) if row else 0
        connection.execute("drop table pg_temp.index_change")
    return found


def _refuse_unencrypted(catalogue: Catalogue) -> None:
    for contract, field in _indexed(catalogue):
        if not field.in_vault:
            raise KeyringError(
                f"{contract.id}.{field.name} has a blind index and no ciphertext: its index cannot be made under a new "
                "key. Add encrypt to its protection and collect it anew"
            )


def _indexed(catalogue: Catalogue) -> list[tuple[Contract, Field]]:
    return [
        (contract, field)
        for contract in catalogue.contracts.values()
        for field in contract.fields
        if Protection.BLIND_INDEX in field.protection
    ]


def _columns(connection: psycopg.Connection, catalogue: Catalogue) -> list[IndexColumn]:
    landing = [
        IndexColumn("landing", contract.relation, f"{field.name}_index", field.index_domain or "")
        for contract, field in _indexed(catalogue)
    ]
    present = [
        column
        for column in _DERIVED
        if connection.execute("select to_regclass(%s)", (f"{column.schema}.{column.relation}",)).fetchone() != (None,)
    ]
    return landing + present


def _list_changes(connection: psycopg.Connection, catalogue: Catalogue, keyring: Keyring, newest: int) -> None:
    """Fill ``pg_temp.index_change``: for each indexed value, its index under every older version and the newest."""
    connection.execute(
        "create temporary table index_change (domain text, old uuid, new uuid, primary key (domain, old))"
    )
    cipher, indexer = keyring.cipher(), keyring.blind_indexer(newest)
    for contract, field in _indexed(catalogue):
        query = sql.SQL("select _row_id, _patient_key, {0} from vault.{1} where {0} is not null").format(
            sql.Identifier(field.name), sql.Identifier(contract.relation)
        )
        with connection.cursor("indexed", binary=True) as cursor:
            cursor.execute(query)
            while rows := cursor.fetchmany(_FETCH):
                place = f"vault.{contract.relation}.{field.name}"
                _add_changes(connection, cipher, indexer, place, field.index_domain or "", rows)
    connection.execute("analyze pg_temp.index_change")


def _add_changes(
    connection: psycopg.Connection,
    cipher: FieldCipher,
    indexer: BlindIndexer,
    place: str,
    domain: str,
    rows: list[tuple[object, ...]],
) -> None:
    ids = [int(str(row[0])) for row in rows]
    persons = [getattr(row[1], "hex", None) for row in rows]
    sealed = [row[2] if isinstance(row[2], bytes) else None for row in rows]
    old: list[str] = []
    new: list[str] = []
    for value in {v for v in cipher.decrypt_column(place, sealed, ids, persons) if v is not None}:
        newest, *older = indexer.candidates(domain, value)
        old += older
        new += [newest] * len(older)
    connection.execute(
        "insert into pg_temp.index_change select %s, o, n from unnest(%s::uuid[], %s::uuid[]) as u (o, n)"
        " on conflict do nothing",
        (domain, old, new),
    )


def _replacement(column: IndexColumn) -> sql.Composed:
    return sql.SQL("update {table} as t set {column} = {made} from pg_temp.index_change as c where {match}").format(
        table=sql.Identifier(column.schema, column.relation),
        column=sql.Identifier(column.column),
        made=sql.SQL(column.made_of.replace("{index}", "c.new")),
        match=_match(column),
    )


def _match(column: IndexColumn) -> sql.Composed:
    return sql.SQL("c.domain = {domain} and t.{column} = {made}").format(
        domain=sql.Literal(column.domain),
        column=sql.Identifier(column.column),
        made=sql.SQL(column.made_of.replace("{index}", "c.old")),
    )
