"""Tokens of English text and what the model sees of each: its letters, its shape, the word lists, its neighbours.

Training and recognition share this module. `hidden` hides a share of the listed words from the lists while training, so
that the model learns to find names that no list holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from anonymization.lexicon import words

DATA: Final = Path(__file__).parent / "data"
TOKEN: Final = re.compile(r"[^\W\d_]+(?:['’](?![sS]\b)[^\W\d_]+)*|\d+|\n+|[^\w\s]|_+|[^\S\n]{2,}")
_TITLES: Final = frozenset(words("mr mrs ms miss dr prof professor doctor sir madam captain senator president nurse"))
_PREFIXES: Final = frozenset(words("de la van von der den di da del dos du le el al bin ben ibn st mac mc ter ten zu"))
STREETS: Final = frozenset(
    words(
        """
    street st road rd avenue ave lane ln drive dr boulevard blvd court ct way place pl square terrace close crescent
    highway hwy parkway pkwy circle trail apt suite unit flat floor box rue via calle strasse straße str platz weg gata
    gatan vej katu tie ulica ul utca plaza route alley row gardens hill heights
        """
    )
)
FIRMS: Final = frozenset(
    words(
        """
    inc ltd llc group corporation corp co company gmbh ag plc sa spa srl hospital clinic university college school bank
    institute association foundation sons partners center centre department ab oy as bv nv
        """
    )
)


@lru_cache(maxsize=1)
def nationalities() -> re.Pattern[str]:
    """Return the pattern of adjectives of nationality, with an s for the people."""
    names = (DATA / "nations.txt").read_text(encoding="utf-8").split()
    return re.compile(rf"(?<![A-Za-z])(?:{'|'.join(names)})s?(?![A-Za-z])")


@lru_cache(maxsize=1)
def word_lists() -> dict[str, frozenset[str]]:
    """Read the word lists: given and family names, places (whole and by their words), common words; lower case."""
    lists = {
        name: frozenset((DATA / f"{name}.txt").read_text(encoding="utf-8").split("\n")) - {""}
        for name in ("given", "family", "common", "places")
    }
    lists["place_words"] = frozenset(word for place in lists["places"] for word in place.split() if len(word) > 2)
    return lists


def tokens(text: str) -> list[tuple[int, int]]:
    """Return the places of words, numbers, marks, line ends and wide gaps."""
    return [match.span() for match in TOKEN.finditer(text)]


def features(surfaces: Sequence[str], hidden: Callable[[str], bool] = lambda _word: False) -> list[list[str]]:
    """Return the features of each token of a text."""
    own = [_describe(word, hidden(word)) for word in surfaces]
    count = len(surfaces)
    rows = []
    for index in range(count):
        row = ["b", *own[index]]
        for distance in (-2, -1, 1, 2):
            place = index + distance
            if 0 <= place < count:
                known = own[place]
                row += [f"{distance}{item}" for item in (known if abs(distance) == 1 else known[:2])]
            else:
                row.append(f"{distance}edge")
        if 0 < index < count - 1:
            row.append(f"<>{own[index - 1][1]}|{own[index + 1][1]}")
            row.append(f"<w>{own[index - 1][0]}|{own[index + 1][0]}")
        if index > 0:
            row.append(f"<{own[index - 1][0]}|{own[index][1]}")
        rows.append(row)
    return rows


def _describe(word: str, hidden: bool) -> list[str]:
    lower = word.lower()
    lists = word_lists()
    listed = "" if hidden else "".join(
        mark
        for mark, name in (("g", "given"), ("f", "family"), ("p", "place_words"))
        if lower in lists[name]
    )  # fmt: skip
    common = lower in lists["common"] or _is_contraction(lower)
    shape = _shape(word)
    seen = lower if common or not word[0].isupper() or lower in _TITLES else "?"
    kind = "T" if lower in _TITLES else "V" if lower in _PREFIXES else ""
    kind += ("S" if lower in STREETS else "") + ("F" if lower in FIRMS else "")
    row = [f"w={seen}", f"k={shape}{listed}{'c' if common else ''}{kind}"]
    if word[0].isalpha():
        row += [f"s={shape}", f"l={listed}{shape[0]}", f"3={lower[-3:]}", f"2={lower[-2:]}", f"p={lower[:2]}"]
        if common:
            row.append(f"c{shape[0]}")
    return row


def _is_contraction(lower: str) -> bool:
    """Tell whether a word is one like don't, I've or they'll."""
    head, mark, tail = lower.replace("’", "'").partition("'")
    return bool(mark) and (tail in {"t", "ve", "ll", "re", "d", "m", "s", "mon", "em"} or head in {"c", "y"})


def _shape(word: str) -> str:
    first = word[0]
    if first.isalpha():
        return _letters(word)
    if first.isdigit():
        return f"9{min(len(word), 6)}"
    return "n" if first == "\n" else "_" if first.isspace() else first


def _letters(word: str) -> str:
    if len(word) == 1 or word.isupper() or word.islower():
        letter = "A" if word[0].isupper() else "a"
        return letter if len(word) == 1 else letter * 2
    if word[0].isupper():
        return "Aa" if word[1:].islower() else "AaA"
    return "aA"
