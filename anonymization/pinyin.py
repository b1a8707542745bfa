"""Syllables of the characters of names: a known name written in pinyin, and characters that sound alike.

Table: data/pinyin.txt, made from pypinyin's data (© mozillazg and contributors, MIT) by training/pinyin/build.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, product
from pathlib import Path
from typing import Final

from anonymization.lexicon.surnames import COMMON, COMPOUND

_TABLE: Final = Path(__file__).parent / "data" / "pinyin.txt"
_MOST_READINGS: Final = 6
_LEAST_LETTERS: Final = 4
_MARKED: Final = "āáǎàōóǒòēéěèīíǐìūúǔùǖǘǚǜüńňǹḿ"
_HAS_TONES: Final = re.compile(f"[{_MARKED}]")
_WITHOUT_TONES: Final = {
    ord(letter): "v"
    if unicodedata.normalize("NFD", letter)[:2] == "u\u0308"
    else unicodedata.normalize("NFD", letter)[0]
    for letter in _MARKED
}


@lru_cache(maxsize=1)
def _syllables() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for line in _TABLE.read_text(encoding="utf-8").splitlines():
        syllable, _, characters = line.partition("\t")
        for character in characters:
            table.setdefault(character, set()).add(syllable.replace("ü", "v"))
    return {character: frozenset(found) for character, found in table.items()}


def without_tones(lowered: str) -> str:
    """Return a lower-case text with plain letters in place of those with tones (ǎ → a, ü → v); the same length."""
    return lowered.translate(_WITHOUT_TONES) if _HAS_TONES.search(lowered) else lowered


def sound_alike(one: str, other: str) -> bool:
    """Tell whether two characters share a syllable, in any of their readings."""
    table = _syllables()
    return one != other and not table.get(one, frozenset()).isdisjoint(table.get(other, frozenset()))


def pinyin_spellings(surname: str, given: str) -> set[str]:
    """Return the ways to write a Han name in pinyin, in both orders, without tones, spaces and hyphens, in lower case.

    Initials may stand for the given name (J.G. Wang: jgwang). Spellings under four letters are left out.
    """
    spellings: set[str] = set()
    for family in _readings(surname):
        for syllables in _syllable_choices(given):
            name = "".join(syllables)
            spellings |= {family + name, name + family}
            if len(syllables) > 1:
                spellings.add("".join(syllable[0] for syllable in syllables) + family)
    return {form for spelling in spellings for form in _with_plain_u(spelling) if len(form) >= _LEAST_LETTERS}


def is_pinyin_name(name: str) -> bool:
    """Tell whether two words in letters are a surname and a given name of one to three syllables in pinyin."""
    family, _, given = name.lower().replace("-", "").partition(" ")
    return family in _surnames() and _given().fullmatch(given) is not None


@lru_cache(maxsize=1)
def _surnames() -> frozenset[str]:
    return frozenset(reading for surname in (*COMMON, *COMPOUND) for reading in _readings(surname))


@lru_cache(maxsize=1)
def _given() -> re.Pattern[str]:
    syllables = sorted({syllable for found in _syllables().values() for syllable in found}, key=len, reverse=True)
    return re.compile(rf"(?:{'|'.join(syllables)}){{1,3}}")


def _readings(part: str) -> list[str]:
    return ["".join(choice) for choice in _syllable_choices(part)]


def _syllable_choices(part: str) -> list[tuple[str, ...]]:
    table = _syllables()
    choices = [sorted(table.get(character, ())) for character in part]
    return list(islice(product(*choices), _MOST_READINGS)) if part and all(choices) else []


def _with_plain_u(spelling: str) -> Iterator[str]:
    yield spelling
    if "v" in spelling:
        yield spelling.replace("v", "u")
        yield spelling.replace("v", "yu")
