"""Foreign keys at the gate: a row whose parent has not arrived is refused by name, not silently joined away.

Parents are looked up by their tokens in the landing zone, where files that are read earlier have put them; within
one delivery parents are read before children (:meth:`governance.contracts.Catalogue.of_source`).
"""

from __future__ import annotations

import numpy as np
import polars as pl
import psycopg
from psycopg import sql

from governance.contracts import Contract
from governance.contracts.model import Reference

_REMEMBERED = 2_000_000


class References:
    """Checks the foreign keys of one contract's batches; remembers parents that were found."""

    def __init__(self, contract: Contract) -> None:
        self._fields = [(f.name, f.reference) for f in contract.fields if f.reference is not None]
        self._contract = contract
        self._found: dict[str, set[str]] = {name: set() for name, _ in self._fields}

    @property
    def fields(self) -> list[str]:
        """Fields that refer to another table."""
        return [name for name, _ in self._fields]

    def orphans(
        self, connection: psycopg.Connection, tokens: dict[str, pl.Series], frame: pl.DataFrame
    ) -> dict[str, np.ndarray]:
        """Rule id → mask of the rows whose parent is in no accepted row.

        Args:
            tokens: tokens by field for tokenised foreign keys; others are compared as they are in ``frame``.
        """
        result = {}
        for name, reference in self._fields:
            values = tokens.get(name, frame[name])
            distinct = set(values.drop_nulls().unique().to_list())
            known = self._found[name]
            unknown = sorted(distinct - known)
            if unknown:
                present = _present(connection, reference, unknown, tokenised=name in tokens)
                if len(known) + len(present) > _REMEMBERED:
                    known.clear()
                known |= present
                missing = [value for value in unknown if value not in present]
                if missing:
                    mask = values.is_in(pl.Series(missing, dtype=pl.String).implode()).fill_null(False)
                    result[f"{self._contract.id}.{name}.reference"] = mask.to_numpy()
        return result


def _present(connection: psycopg.Connection, reference: Reference, values: list[str], *, tokenised: bool) -> set[str]:
    column = sql.Identifier(reference.field)
    shown = sql.SQL("replace({}::text, '-', '')" if tokenised else "{}::text").format(column)
    query = sql.SQL("select distinct {} from landing.{} where {} = any(%s::{}[])").format(
        shown,
        sql.Identifier(f"{reference.source}_{reference.table}"),
        column,
        sql.SQL("uuid" if tokenised else "text"),
    )
    return {row[0] for row in connection.execute(query, (values,))}
