"""Re-identification risk of a table: classes of equal quasi-identifiers, k, l, 1/k, and the grade of GB/T 42460.

A class is the set of rows that share every quasi-identifier (a missing value is a value of its own). A row's risk is
one over the size of its class: whoever knows those facts of a person finds this many rows. l is the least number of
different values of a sensitive column in a class. Grades of GB/T 42460-2023: 1 direct identifiers stand in the table,
2 they are gone, 3 the risk is also below the threshold, 4 the rows are sums, not persons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from anonymization.checksums import luhn_is_valid, resident_id_is_valid
from anonymization.errors import AnonymizationError

_SIZE: Final = "_class_size"
_SAMPLE_ROWS: Final = 20_000
_DIRECT_SHARE: Final = 0.01
_MOBILE: Final = r"^(?:\+?86[ -]?)?1[3-9]\d{9}$"
_EMAIL: Final = r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$"
_LONG_NUMBER: Final = r"^\d{15}$|^\d{17}[\dXx]$|^\d{16,19}$"


class RiskError(AnonymizationError):
    """The risk of a table cannot be told; the message names the columns."""


@dataclass(frozen=True, slots=True)
class Risk:
    """What a table gives away. `worst` holds the smallest classes: size and how many classes have it."""

    rows: int
    classes: int
    quasi: tuple[str, ...]
    direct: tuple[str, ...]
    threshold: int
    k: int
    rows_below: int
    diversity: Mapping[str, int]
    worst: tuple[tuple[int, int], ...]
    smallest: pl.DataFrame = field(repr=False)
    """The smallest classes with their values; only to be shown on request."""

    @property
    def share_below(self) -> float:
        """Share of rows in classes smaller than the threshold."""
        return self.rows_below / self.rows if self.rows else 0.0

    @property
    def maximum(self) -> float:
        """The risk of the row that is easiest to find: 1/k; 0 without rows."""
        return 1 / self.k if self.k else 0.0

    @property
    def average(self) -> float:
        """Mean of the rows' risks, which is classes over rows; 0 without rows."""
        return self.classes / self.rows if self.rows else 0.0

    def grade(self, maximum_risk: float, *, is_aggregate: bool = False) -> int:
        """Return the grade of GB/T 42460 (1-4) at a threshold of the maximum risk."""
        if self.direct:
            return 1
        if is_aggregate:
            return 4
        return 3 if self.maximum <= maximum_risk else 2


def assess(
    table: pl.DataFrame,
    quasi: Sequence[str],
    *,
    sensitive: Sequence[str] = (),
    direct: Sequence[str] = (),
    threshold: int = 5,
    worst: int = 10,
) -> Risk:
    """Return the risk of a table (one row a person or event) by its quasi-identifiers.

    Columns in `direct` that hold any value count as direct identifiers, and so do columns in which numbers valid by
    checksum, mobiles or e-mail addresses stand. Raises RiskError for columns that the table has not, or without any
    quasi-identifier.
    """
    if missing := sorted({*quasi, *sensitive, *direct} - set(table.columns)):
        raise RiskError(f"the table has no column {', '.join(missing)}; it has {', '.join(table.columns)}")
    if not quasi:
        raise RiskError("no quasi-identifier is named; name them with --quasi")
    classes = table.group_by(list(quasi)).agg(
        pl.len().alias(_SIZE), *(pl.col(name).n_unique().alias(f"_l_{name}") for name in sensitive)
    )
    sizes = classes[_SIZE]
    counted = classes.group_by(_SIZE).len().sort(_SIZE).head(worst)
    return Risk(
        rows=table.height,
        classes=classes.height,
        quasi=tuple(quasi),
        direct=tuple(sorted({*(n for n in direct if table[n].count()), *direct_columns(table)})),
        threshold=threshold,
        k=_number(sizes.min()),
        rows_below=_number(sizes.filter(sizes < threshold).sum()),
        diversity={name: _number(classes[f"_l_{name}"].min()) for name in sensitive},
        worst=tuple((int(size), int(count)) for size, count in counted.iter_rows()),
        smallest=classes.sort(_SIZE, *quasi).head(worst).select(*quasi, pl.col(_SIZE).alias("size")),
    )


def direct_columns(table: pl.DataFrame) -> list[str]:
    """Return the columns of text in which at least 1 % of the values are direct identifiers by their form."""
    found = []
    for name, kind in table.schema.items():
        if kind == pl.String or kind.is_integer():
            values = table[name].drop_nulls().head(_SAMPLE_ROWS).cast(pl.String).str.strip_chars()
            hits = values.filter(values.str.contains(_MOBILE) | values.str.contains(_EMAIL)).len()
            numbers = values.filter(values.str.contains(_LONG_NUMBER))
            hits += sum(resident_id_is_valid(n) or (len(n) >= 16 and n[0] == "6" and luhn_is_valid(n)) for n in numbers)
            if hits and hits >= _DIRECT_SHARE * values.len():
                found.append(name)
    return found


def _number(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) else 0
