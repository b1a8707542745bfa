"""Where the identifiers that must not be found in plain come from: the vault, decrypted in memory, and canary files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql

from anonymization.encryption import FieldCipher
from governance.contracts import Catalogue, Contract
from governance.contracts.model import Field
from governance.contracts.model import Protection as Protect
from governance.errors import VerificationError

PERSON, ORGANIZATION = "PERSON", "ORGANIZATION"
_FETCH = 10_000


@dataclass(frozen=True)
class Identifier:
    """One identifier of one person. Its repr shows no value.

    Attributes:
        kind: entity type (PERSON, RESIDENT_ID, PHONE …).
        owner: patient key (32 hexadecimal digits) if it is the patient's own, else ``None``.
        canary: planted, occurs nowhere else.
    """

    kind: str
    value: str = field(repr=False)
    owner: str | None = None
    canary: bool = False


class IdentifierSource(Protocol):
    """Where identifiers come from."""

    def identifiers(self) -> Iterator[Identifier]:
        """All identifiers; equal ones may come repeatedly."""
        ...


@dataclass(frozen=True)
class VaultIdentifiers:
    """Identifiers from the vault: every encrypted field that a contract calls a direct identifier, but no free text."""

    connection: Callable[[], AbstractContextManager[psycopg.Connection]]
    catalogue: Catalogue
    cipher: FieldCipher

    def tables(self) -> list[str]:
        """Tables that hold such fields."""
        return sorted({f"vault.{contract.relation}" for contract, _column in self._fields()})

    def identifiers(self) -> Iterator[Identifier]:
        """Decrypt field by field, some thousand rows at a time.

        Raises:
            DecryptionError: a ciphertext was altered or moved, or its key is missing.
        """
        with self.connection() as connection:
            for contract, column in self._fields():
                yield from self._column(connection, contract, column)

    def _fields(self) -> Iterator[tuple[Contract, Field]]:
        for contract in self.catalogue.contracts.values():
            for column in contract.fields:
                if column.in_vault and column.identifier == "direct" and Protect.SCRUB not in column.protection:
                    yield contract, column

    def _column(self, connection: psycopg.Connection, contract: Contract, column: Field) -> Iterator[Identifier]:
        place = f"vault.{contract.relation}.{column.name}"
        kind = column.entity or "OTHER"
        own = column.protection != (Protect.ENCRYPT,) or kind not in (PERSON, ORGANIZATION)
        query = sql.SQL("select {column}, _row_id, _patient_key from vault.{table} where {column} is not null").format(
            column=sql.Identifier(column.name), table=sql.Identifier(contract.relation)
        )
        with connection.transaction(), connection.cursor("identifiers", binary=True) as cursor:
            cursor.execute(query)
            while rows := cursor.fetchmany(_FETCH):
                owners = [row[2].hex if row[2] else None for row in rows]
                values = self.cipher.decrypt_column(place, [r[0] for r in rows], [r[1] for r in rows], owners)
                for value, owner in zip(values, owners, strict=True):
                    if value and value.strip():
                        yield Identifier(kind, value.strip(), owner if own else None)


def read_canaries(path: Path) -> Iterator[Identifier]:
    """Planted identifiers from NDJSON lines with ``type`` and ``value``.

    Raises:
        VerificationError: the file cannot be read; names the line.
    """
    number = 0
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                number += 1
                if line.strip():
                    record = json.loads(line)
                    yield Identifier(str(record["type"]), str(record["value"]), canary=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VerificationError(
            f"canary file {path}, line {number}: {type(error).__name__}; each line needs 'type' and 'value'"
        ) from error
