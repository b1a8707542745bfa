"""Protection at the door: what identifies a person is turned into tokens, indexes and ciphertext in memory.

Tokens, indexes and generalised values are made once per distinct value of a batch, so that a laboratory file of
twenty results a sample costs a twentieth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from governance.collection.records import Batch, Judged
from governance.contracts import Contract, Field
from governance.contracts.ddl import Column, landing_columns, vault_columns
from governance.contracts.model import LogicalType, Protection
from governance.contracts.rules import GENERALIZERS
from governance.keys import Keyring

ROW_BITS = 32  # _row_id = batch id << 32 | physical line


def row_ids(batch_id: int, lines: np.ndarray) -> np.ndarray:
    """Global ids of source rows: the batch in the upper, the line in the lower 32 bits."""
    return (np.int64(batch_id) << ROW_BITS) | lines.astype(np.int64)


@dataclass(frozen=True)
class Protected:
    """A batch's accepted rows, ready for COPY.

    Attributes:
        landing: columns of the landing table in its order, values as PostgreSQL reads them from CSV.
        vault: columns of the vault table, or ``None`` when the contract encrypts nothing.
    """

    landing: pl.DataFrame
    vault: pl.DataFrame | None
    encrypted_values: int
    tokenised_values: int


class Protector:
    """Protects the batches of one contract with the installation's keys."""

    def __init__(self, contract: Contract, keyring: Keyring) -> None:
        self.contract = contract
        self._landing, self._vault = landing_columns(contract), vault_columns(contract)
        self._tokeniser, self._indexer = keyring.tokeniser(), keyring.blind_indexer()
        self._cipher, self._row_hash = keyring.cipher(), keyring.digest("row_hash", contract.id)
        self._persons = keyring.persons

    def tokens(self, frame: pl.DataFrame) -> dict[str, pl.Series]:
        """Tokens of each tokenised field for every row (null stays null)."""
        made = {}
        for field in self.contract.fields:
            if Protection.TOKENIZE in field.protection:
                digest = partial(self._tokeniser.tokens, field.token_domain or "")
                distinct = self.contract.primary_key == (field.name,)
                made[field.name] = _per_distinct(frame[field.name], digest, distinct=distinct)
        return made

    def withdrawn(self, tokens: dict[str, pl.Series]) -> np.ndarray | None:
        """Mask of the rows of withdrawn persons; ``None`` when there are none."""
        patients = tokens.get(self.contract.patient_key or "")
        if self._persons is None or patients is None:
            return None
        gone = self._persons.withdrawn(patients.drop_nulls().unique().to_list())
        return patients.is_in(list(gone)).fill_null(False).to_numpy() if gone else None

    def make_keys(self, judged: Judged) -> None:
        """Make the salts of persons whose values will be encrypted, while the batch before is still being written."""
        patients = judged.tokens.get(self.contract.patient_key or "")
        if self._persons is not None and patients is not None and self._vault:
            self._persons.make(patients.drop_nulls().unique().to_list())

    def hashes(self, batch: Batch) -> list[str]:
        """Keyed hash of each row's bytes."""
        return self._row_hash.many(batch.raw)

    def protect(self, judged: Judged, keep: np.ndarray, batch_id: int) -> Protected:
        """Protect the accepted rows.

        Args:
            keep: boolean mask of accepted rows.
        """
        batch, mask = judged.batch, pl.Series(keep)
        raw, values = batch.frame.filter(mask), judged.judgement.typed.filter(mask)
        made = {name: series.filter(mask) for name, series in judged.tokens.items()}
        columns, tokenised = [], 0
        for column in self._landing:
            token = column.made_by is Protection.TOKENIZE
            series = made[column.field.name] if token else self._column(column, raw, values)
            if column.made_by in (Protection.TOKENIZE, Protection.BLIND_INDEX):
                tokenised += len(series) - series.null_count()
            columns.append(series.alias(column.name))
        lines = batch.lines[keep]
        ids = row_ids(batch_id, lines)
        landing = pl.DataFrame(columns).with_columns(
            pl.Series("_row_id", ids),
            pl.lit(batch_id, pl.Int32).alias("_batch_id"),
            pl.Series("_row_number", lines, pl.Int64),
            pl.Series("_row_hash", judged.hashes, pl.String).filter(mask),
        )
        vault, encrypted = self._encrypt(raw, landing, ids, batch_id)
        return Protected(landing, vault, encrypted, tokenised)

    def _column(self, column: Column, raw: pl.DataFrame, typed: pl.DataFrame) -> pl.Series:
        field = column.field
        match column.made_by:
            case Protection.BLIND_INDEX:
                return _per_distinct(raw[field.name], partial(self._indexer.indexes, field.index_domain or ""))
            case Protection.GENERALIZE:
                generalize = GENERALIZERS[field.generalize_to or ""]
                return _per_distinct(raw[field.name], lambda values: [generalize(v) for v in values])
            case _:
                # numbers go in as they were written: no digit is lost to a float; so do times that SQL reads
                return raw[field.name] if _goes_as_written(field) else typed[field.name]

    def _encrypt(
        self, raw: pl.DataFrame, landing: pl.DataFrame, ids: np.ndarray, batch_id: int
    ) -> tuple[pl.DataFrame | None, int]:
        if not self._vault:
            return None, 0
        person_column = self.contract.patient_key
        persons: list[str | None] = landing[person_column].to_list() if person_column else [None] * len(ids)
        row_numbers, encrypted = ids.tolist(), 0
        columns = {}
        for column in self._vault:
            place = f"vault.{self.contract.relation}.{column.name}"
            texts, suite = raw[column.name].to_list(), column.field.suite
            sealed = self._cipher.encrypt_column(place, texts, row_numbers, persons, suite=suite)
            encrypted += sum(value is not None for value in sealed)
            columns[column.name] = [None if value is None else "\\x" + value.hex() for value in sealed]
        vault = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)).with_columns(
            pl.Series("_row_id", ids),
            pl.lit(batch_id, pl.Int32).alias("_batch_id"),
            pl.Series("_patient_key", persons, pl.String),
        )
        holds_something = pl.any_horizontal(pl.col(c).is_not_null() for c in columns)
        return vault.filter(holds_something), encrypted


def _goes_as_written(field: Field) -> bool:
    as_text = (LogicalType.NUMBER, LogicalType.INTEGER, LogicalType.STRING)
    return field.logical_type in as_text or field.format in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d")


def _per_distinct(
    values: pl.Series, make: Callable[[Sequence[str]], Sequence[str | None]], *, distinct: bool = False
) -> pl.Series:
    """Apply ``make`` to the distinct non-null values and spread the results over the rows.

    Args:
        distinct: the values are known to be distinct, but for a few.
    """
    if distinct and values.null_count() == 0:
        return pl.Series(values.name, make(values.to_list()), pl.String)
    runs = values.rle().struct.field("value")  # neighbours are often equal, and telling that is cheap
    different = runs.drop_nulls().unique()
    made = pl.DataFrame({"old": different, "new": pl.Series(make(different.to_list()), dtype=pl.String)})
    spread = runs.to_frame("old").join(made, on="old", how="left", maintain_order="left")
    return spread["new"].gather(values.rle_id()).alias(values.name)
