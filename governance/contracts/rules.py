"""Names that contracts may use: built-in checks and generalisations, and whether the gate can carry out what they say.

The functions themselves run in :mod:`governance.collection.gate`; here stands what a contract may say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from anonymization.generalize import division_city
from governance.contracts.model import LogicalType

_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECK = "10X98765432"
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,12})?")
_ZIP_CODE = re.compile(r"[0-9]{5}(-?[0-9]{4})?")
# first three digits that stand for 20,000 people or fewer by the census of 2000 (guidance of the US Department of
# Health and Human Services on 45 CFR 164.514(b)(2)(i)(B), which lists them)
_SPARSE_ZIP3 = frozenset(
    (
        "036",
        "059",
        "063",
        "102",
        "203",
        "556",
        "692",
        "790",
        "821",
        "823",
        "830",
        "831",
        "878",
        "879",
        "884",
        "890",
        "893",
    )
)
_EXAMPLE = datetime(2026, 5, 17, 13, 45, 9)


def resident_id_checksum(value: str) -> bool:
    """18-digit resident identity number with a valid check character (GB 11643-1999, ISO 7064 MOD 11-2)."""
    if len(value) != 18 or not value[:17].isdecimal() or not value.isascii():
        return False
    total = sum(int(digit) * weight for digit, weight in zip(value[:17], _RESIDENT_WEIGHTS, strict=True))
    return _RESIDENT_CHECK[total % 11] == value[17].upper()


def zip3(value: str) -> str | None:
    """First three digits of a US postal code, ``000`` where too few people live there."""
    if not _ZIP_CODE.fullmatch(value):
        return None
    return "000" if value[:3] in _SPARSE_ZIP3 else value[:3]


def plain_number(value: str) -> str | None:
    """The value itself when it is a plain number, else ``None`` (free answers may name people and places)."""
    return value if _PLAIN_NUMBER.fullmatch(value) else None


BUILT_IN_CHECKS: dict[str, Callable[[str], bool]] = {"resident_id_checksum": resident_id_checksum}
GENERALIZERS: dict[str, Callable[[str], str | None]] = {
    "division_city": division_city,
    "zip3": zip3,
    "plain_number": plain_number,
}


def check_expression(expression: str, types: Mapping[str, LogicalType]) -> str | None:
    """Why a cross-field expression cannot be used on fields of these types, or ``None`` when it can."""
    import polars as pl  # noqa: PLC0415  imported late: polars must not be loaded in a process that forks workers

    kinds: dict[LogicalType, pl.DataType] = {
        LogicalType.STRING: pl.String(), LogicalType.INTEGER: pl.Int64(), LogicalType.NUMBER: pl.Float64(),
        LogicalType.DATE: pl.Date(), LogicalType.TIMESTAMP: pl.Datetime("us"), LogicalType.BOOLEAN: pl.Boolean(),
    }  # fmt: skip
    try:
        parsed = pl.sql_expr(expression)
        unknown = sorted(set(parsed.meta.root_names()) - set(types))
        if unknown:
            return f"the expression names no field of this table: {', '.join(unknown)}"
        empty = pl.DataFrame(schema={name: kinds[kind] for name, kind in types.items()})
        if empty.select(parsed.alias("result")).schema["result"] != pl.Boolean:
            return "the expression must be true or false"
    except Exception as error:  # polars raises several unrelated kinds for one syntax error
        return f"the expression is not SQL that can be evaluated ({str(error).splitlines()[0]})"
    return None


def check_pattern(pattern: str) -> str | None:
    """Why a pattern cannot be used, or ``None`` when it can (no look-around: the gate's engine has none)."""
    import polars as pl  # noqa: PLC0415  as above

    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.PolarsError as error:
        return f"pattern is not a regular expression that the gate can use ({str(error).splitlines()[0]})"
    return None


def check_format(pattern: str, kind: LogicalType) -> str | None:
    """Why a strftime format cannot be used, or ``None`` when it names a whole date (and time)."""
    import polars as pl  # noqa: PLC0415  as above

    example, found = pl.Series([_EXAMPLE.strftime(pattern)]), None
    try:
        if kind is LogicalType.DATE:
            found = example.str.to_date(pattern, strict=False)[0] == _EXAMPLE.date()
        else:
            parsed = example.str.to_datetime(pattern, strict=False)[0]
            found = parsed is not None and parsed.date() == _EXAMPLE.date()
    except pl.exceptions.PolarsError:
        found = False
    return None if found else f"format '{pattern}' does not name a whole {kind.value} (strftime)"


def check_bound(bound: str | float, kind: LogicalType) -> str | None:
    """Why a minimum or maximum cannot be used for a type, or ``None`` when it can."""
    try:
        if kind in (LogicalType.INTEGER, LogicalType.NUMBER):
            float(bound)
        elif kind in (LogicalType.DATE, LogicalType.TIMESTAMP):
            if bound != "now":
                datetime.fromisoformat(str(bound))
        else:
            return f"minimum and maximum do not apply to a {kind.value}"
    except ValueError:
        return f"'{bound}' is no bound for a {kind.value}; give a number, an ISO date or now"
    return None
