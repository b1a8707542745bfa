"""The partial forms in which a known address or employer is written in notes."""

from __future__ import annotations

import re
from typing import Final

from anonymization.divisions import divisions
from anonymization.normalize import normalize

_DETAIL: Final = re.compile(r"\d|[区县旗镇乡村街路巷弄]|小区|花园|社区")
_ROAD: Final = re.compile(
    r"^.*?(?:路|街|巷|弄|大道|胡同|村|屯|组)[^0-9]{0,4}[0-9]{1,5}号?(?:之[一二三四五六七八九十\d])?"
)
_SPACES: Final = re.compile(r"\s+")


def address_parts(address: str) -> list[str]:
    """Return the whole address and the forms without province, city and county, and its road and house parts apart.

    Forms that say no more than a city, and forms under four characters, are left out.
    """
    text = _SPACES.sub("", normalize(address))
    table = divisions()
    forms = [text]
    province, rest = table.take_province(text)
    forms.append(rest)
    city = table.city_at(rest, province)
    if city:
        rest = rest[len(city) :].removeprefix("市")
        forms.append(rest)
    county = table.county_at(rest, province)
    if county:
        forms.append(county)
        rest = rest[len(county) :]
        forms.append(rest)
    road = _ROAD.match(rest)
    if road:
        forms.extend([road.group(), rest[road.end() :]])
    unique = dict.fromkeys(form for form in forms if _is_specific(form, county))
    return list(unique)


def _is_specific(form: str, county: str | None) -> bool:
    if form == county:
        return len(form) >= 3
    return len(form) >= 4 and _DETAIL.search(form) is not None


def organization_parts(name: str) -> list[str]:
    """Return an institution's name, and the name without province and city when at least four characters are left."""
    text = _SPACES.sub("", normalize(name))
    if text in {"退休", "无", "自由职业", "个体", "务农", "农民", "无业", "学生", "不详"}:
        return []
    table = divisions()
    province, rest = table.take_province(text)
    city = table.city_at(rest, province)
    if city:
        rest = rest[len(city) :].removeprefix("市")
    return list(dict.fromkeys(form for form in (text, rest) if len(form) >= 4))
