"""Re-encryption: values that stand under an older key version or another suite are written anew, batch by batch.

Nothing but the values themselves says how far it has come: each carries suite, key and version in its first bytes. So
a killed run goes on where it stopped by being started again, and readers go on meanwhile: older versions stay in the
keyring, and a reader that meets a newer one opens the keyring again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import psycopg
from psycopg import sql

from anonymization.encryption import FieldCipher, Suite
from governance.contracts import Catalogue
from governance.contracts.ddl import vault_columns
from governance.keys.keyring import Keyring

BATCH_ROWS = 2_000
Progress = Callable[[str, int], None]
"""Called after each batch with the relation and the number of values that were written anew."""


@dataclass(frozen=True)
class Target:
    """One table with ciphertexts.

    Attributes:
        row_id: SQL of the global id of a row; unique in the table.
        person: SQL of the patient key, null where a row belongs to nobody that is known.
        columns: ciphertext columns and the suites that their contract names.
        place: what stands before the column's name in the associated data.
    """

    purpose: str
    schema: str
    relation: str
    row_id: sql.SQL
    person: sql.SQL
    columns: tuple[tuple[str, Suite | None], ...]

    @property
    def place(self) -> str:
        """``<schema>.<table>``, to which a dot and the column's name are added."""
        return f"{self.schema}.{self.relation}"

    @cached_property
    def table(self) -> sql.Identifier:
        """The quoted table."""
        return sql.Identifier(self.schema, self.relation)


def targets(catalogue: Catalogue, purpose: str) -> list[Target]:
    """All tables that hold values encrypted under a purpose's key."""
    if purpose == "quarantine":
        row_id = sql.SQL("(batch_id::bigint << 32 | row_number)")
        return [Target("quarantine", "quarantine", "row", row_id, sql.SQL("patient_key"), (("payload", None),))]
    return [
        Target(
            "field", "vault", contract.relation, sql.SQL("_row_id"), sql.SQL("_patient_key"),
            tuple((column.name, column.field.suite) for column in vault_columns(contract)),
        )
        for contract in catalogue.contracts.values()
        if vault_columns(contract)
    ]  # fmt: skip


def reencrypt(
    connection: psycopg.Connection,
    catalogue: Catalogue,
    keyring: Keyring,
    purpose: str,
    progress: Progress = lambda _relation, _values: None,
    batch_rows: int = BATCH_ROWS,
) -> int:
    """Write anew every value that is not under the current version of ``purpose`` and its column's suite.

    Args:
        connection: of the role ``admin``, not in a transaction; each batch is committed.

    Returns:
        How many values were written anew.

    Raises:
        DecryptionError: a ciphertext was altered; its batch was left as it was.
        KeyringError: the nonce budget is used up.
    """
    cipher, total = keyring.cipher(purpose), 0
    for target in targets(catalogue, purpose):
        for values in _batches(connection, target, cipher, batch_rows):
            total += values
            progress(target.place, values)
    return total


def stale(target: Target, cipher: FieldCipher) -> sql.Composed:
    """SQL condition: a value of the row is not under the current version and its column's suite."""
    conditions = [
        sql.SQL("substring({} from 1 for 5) <> {}").format(sql.Identifier(name), sql.Literal(cipher.header(suite)))
        for name, suite in target.columns
    ]
    return sql.SQL("({})").format(sql.SQL(" or ").join(conditions))


def _batches(connection: psycopg.Connection, target: Target, cipher: FieldCipher, batch_rows: int) -> Iterator[int]:
    last = -1
    names = sql.SQL(", ").join(sql.Identifier(name) for name, _ in target.columns)
    query = sql.SQL(
        "select {id}, {person}, {names} from {table} where {id} > %s and {stale} order by {id} limit %s for update"
    ).format(id=target.row_id, person=target.person, names=names, table=target.table, stale=stale(target, cipher))
    while True:
        with connection.transaction():
            rows = connection.execute(query, (last, batch_rows), binary=True).fetchall()
            if not rows:
                return
            last = rows[-1][0]
            written = _rewrite(connection, target, cipher, rows)
        yield written


def _rewrite(
    connection: psycopg.Connection, target: Target, cipher: FieldCipher, rows: list[tuple[object, ...]]
) -> int:
    ids = [int(str(row[0])) for row in rows]
    persons = [getattr(row[1], "hex", None) for row in rows]
    columns: list[list[bytes | None]] = []
    written = 0
    for position, (name, suite) in enumerate(target.columns, 2):
        held = [bytes(value) if isinstance(value := row[position], bytes) else None for row in rows]
        header, place = cipher.header(suite), f"{target.place}.{name}"
        old = [value if value is not None and not value.startswith(header) else None for value in held]
        plain = [
            None if value is None else cipher.decrypt(place, value, row_id, person)
            for value, row_id, person in zip(old, ids, persons, strict=True)
        ]
        fresh = cipher.encrypt_column(place, plain, ids, persons, suite=suite)
        written += sum(value is not None for value in fresh)
        columns.append([new if new is not None else same for new, same in zip(fresh, held, strict=True)])
    assignments = [sql.SQL("{0} = fresh.{0}").format(sql.Identifier(name)) for name, _ in target.columns]
    connection.execute(
        sql.SQL(
            "update {table} set {assignments} from unnest(%s::bigint[]{arrays}) as fresh (fresh_id, {names})"
            " where {id} = fresh_id"
        ).format(
            table=target.table,
            assignments=sql.SQL(", ").join(assignments),
            arrays=sql.SQL(", %s::bytea[]") * len(columns),
            names=sql.SQL(", ").join(sql.Identifier(name) for name, _ in target.columns),
            id=target.row_id,
        ),
        (ids, *columns),
    )
    return written
