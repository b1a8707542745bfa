"""Names that contracts may use: built-in checks and generalisations, and the test of an expression's syntax.

The functions themselves run in :mod:`governance.collection.gate`; here stands what a contract may say.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECK = "10X98765432"
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,12})?")


def resident_id_checksum(value: str) -> bool:
    """18-digit resident identity number with a valid check character (GB 11643-1999, ISO 7064 MOD 11-2)."""
    if len(value) != 18 or not value[:17].isdecimal() or not value.isascii():
        return False
    total = sum(int(digit) * weight for digit, weight in zip(value[:17], _RESIDENT_WEIGHTS, strict=True))
    return _RESIDENT_CHECK[total % 11] == value[17].upper()


def division_city(value: str) -> str | None:
    """Province and city of a Chinese address, or ``None`` when the address does not begin with them."""
    end = -1
    for suffix in ("市", "自治州", "地区", "盟"):
        found = value.find(suffix, 1)
        if 0 < found <= 14 and (end < 0 or found + len(suffix) > end):
            end = found + len(suffix)
            break
    return value[:end] if end > 0 else None


def zip3(value: str) -> str | None:
    """First three digits of a US postal code (45 CFR 164.514(b)(2)(i)(B))."""
    return value[:3] if len(value) >= 5 and value[:5].isdecimal() else None


def plain_number(value: str) -> str | None:
    """The value itself when it is a plain number, else ``None`` (free answers may name people and places)."""
    return value if _PLAIN_NUMBER.fullmatch(value) else None


BUILT_IN_CHECKS: dict[str, Callable[[str], bool]] = {"resident_id_checksum": resident_id_checksum}
GENERALIZERS: dict[str, Callable[[str], str | None]] = {
    "division_city": division_city,
    "zip3": zip3,
    "plain_number": plain_number,
}


def check_expression(expression: str) -> str | None:
    """Why a cross-field expression cannot be used, or ``None`` when it can."""
    import polars as pl  # noqa: PLC0415  imported late: polars must not be loaded in a process that forks workers

    try:
        pl.sql_expr(expression)
    except Exception as error:  # polars raises several unrelated kinds for one syntax error
        return f"the expression is not SQL that can be evaluated ({str(error).splitlines()[0]})"
    return None
