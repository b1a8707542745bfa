"""Generalisation: address to province and city, birth date to year, age over 89 to one group."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from anonymization.divisions import divisions

OLDEST_AGE: Final = 90
_HEAD: Final = re.compile(r"^[\s:,;(（]*(?:中国|中华人民共和国)?\s*")
_SEPARATORS: Final = re.compile(r"[\s,，、\-]+")


def division_city(address: str) -> str | None:
    """Keep province and city of an address ("浙江省杭州市"), drop the rest; None when neither is named.

    Municipalities give their own name alone. A county names its city through the division table if the name is unique.
    """
    text = _SEPARATORS.sub("", _HEAD.sub("", address))
    table = divisions()
    province, rest = table.take_province(text)
    lengths = {
        kind: len(found or "") for kind, found in (("city", table.city_at(text)), ("county", table.county_at(text)))
    }
    if province is not None and max(lengths.values()) > len(text) - len(rest):
        province, rest = None, text
    if province in table.municipalities:
        return province
    city, county = table.city_at(rest, province), table.county_at(rest, province)
    if county is not None and len(county) > len(city or ""):
        whole = table.city_of_county(county, province)
    else:
        whole = table.city_name(city, province) if city else None
    if whole is None:
        return province
    owner = table.province_of_city(whole, province)
    return owner if owner in table.municipalities else f"{owner or ''}{whole}"


def birth_year(value: date | datetime | str) -> int | None:
    """Return the year of a birth date (a date, or a text that starts with four digits of a year); None without one."""
    if isinstance(value, date):
        return value.year
    match = re.match(r"\s*((?:18|19|20)\d{2})", value)
    return int(match.group(1)) if match else None


def grouped_age(age: int) -> str:
    """Return an age in years as text, with everything from 90 in one group."""
    return f"{OLDEST_AGE}岁以上" if age >= OLDEST_AGE else f"{age}岁"


def grouped_birth_year(year: int, reference: date) -> str:
    """Return a birth year as text; a year that would tell an age over 89 becomes "<year>年或更早"."""
    latest_old = reference.year - OLDEST_AGE
    return f"{latest_old}年或更早" if year <= latest_old else f"{year}年"


METHODS: Final[Mapping[str, object]] = {"division_city": division_city, "birth_year": birth_year}
"""Methods that a contract may name in `generalize_to`."""
