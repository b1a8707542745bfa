"""The model for English names, places, institutions and nationalities: a linear-chain CRF, read once a process.

Its labels are corrected towards recall for persons: a token that is likely enough a name counts, what consists of
listed names is a name whatever the model calls it, and a name takes in the names that touch it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import pycrfsuite  # type: ignore[import-untyped]

from anonymization.english.features import DATA, FIRMS, STREETS, features, tokens, word_lists
from anonymization.errors import ModelError

MODEL: Final = DATA / "english.crfsuite"
_LIKELY: Final = 0.2
_LIKELY_LISTED: Final = 0.08
_UNITS: Final = frozenset({"apt", "suite", "unit", "flat", "floor"})
_CONNECTORS: Final = frozenset({".", "-", "'", "’"})
_MOST_TOKENS: Final = 1_500


class Tagged(NamedTuple):
    """One find of the model: half-open span in the text, and PERSON, LOC, ORG or NRP."""

    label: str
    start: int
    end: int


@lru_cache(maxsize=1)
def _tagger() -> pycrfsuite.Tagger:
    tagger = pycrfsuite.Tagger()
    try:
        tagger.open(str(MODEL))
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"{MODEL.name} cannot be read. Install the package again, or train the model.") from error
    return tagger


def tag(text: str) -> Iterator[Tagged]:
    """Yield what the model finds in an English text; O(n)."""
    places = tokens(text)
    for first in range(0, len(places), _MOST_TOKENS):
        part = places[first : first + _MOST_TOKENS]
        words = [text[start:end] for start, end in part]
        yield from _joined(text, part, _corrected(words, _labels(words)))


def _labels(words: Sequence[str]) -> list[str]:
    """Return the model's labels, with persons where it doubts."""
    tagger = _tagger()
    labels: list[str] = tagger.tag(features(words))
    for start, end in [(i, i + 1) for i, label in enumerate(labels) if label == "O"] + list(_runs(labels)):
        word = words[start]
        if end - start > 1 or labels[start].endswith("PERSON") or not word[0].isupper() or len(word) < 2:
            continue
        if word.lower() not in word_lists()["common"] and word.lower() not in word_lists()["places"]:
            likely = tagger.marginal("B-PERSON", start) + tagger.marginal("I-PERSON", start)
            if likely > (_LIKELY_LISTED if _is_name(word) else _LIKELY):
                labels[start] = "B-PERSON"
    return labels


def _corrected(words: Sequence[str], labels: list[str]) -> list[str]:
    for start, end in _runs(labels):
        if labels[start][2:] in {"ORG", "LOC"}:
            _rename(words, labels, start, end)
    for index in range(1, len(words)):
        if not labels[index - 1].endswith("PERSON"):
            continue
        goes_on = labels[index] == "O" and _goes_on(words, index)
        if goes_on or (labels[index].endswith("LOC") and _starts_unit(words, index)):
            labels[index] = "I-PERSON"
    for index in range(len(words) - 2, -1, -1):
        if labels[index] == "O" and labels[index + 1] == "B-PERSON" and _is_name(words[index]):
            labels[index], labels[index + 1] = "B-PERSON", "I-PERSON"
    return labels


def _rename(words: Sequence[str], labels: list[str], start: int, end: int) -> None:
    """Call a find persons that is a name, or a list of names."""
    first = start
    for index in range(start, end + 1):
        if index == end or words[index] in {",", "and", "&"}:
            if not _is_all_names(words[first:index]):
                return
            first = index + 1
    for index in range(start, end):
        separates = words[index] in {",", "and", "&"}
        opens = index == start or words[index - 1] in {",", "and", "&"}
        labels[index] = "O" if separates else "B-PERSON" if opens else "I-PERSON"


def _starts_unit(words: Sequence[str], index: int) -> bool:
    """Tell whether a word before "Apt. 5" or a house number is rather the surname of the person before it."""
    following = words[index + 1] if index + 1 < len(words) else ""
    is_name = (
        words[index][0].isupper() and words[index].isalpha() and words[index].lower() not in word_lists()["common"]
    )
    return is_name and words[index].lower() not in STREETS and following.lower() in _UNITS


def _runs(labels: Sequence[str]) -> Iterator[tuple[int, int]]:
    start = None
    for index, label in enumerate([*labels, "O"]):
        if start is not None and not (label.startswith("I-") and label[2:] == labels[start][2:]):
            yield start, index
            start = None
        if start is None and label != "O":
            start = index


def _is_name(word: str) -> bool:
    lists, lower = word_lists(), word.lower()
    listed = lower in lists["given"] or lower in lists["family"]
    return listed and word[0].isupper() and len(word) > 1 and lower not in lists["common"]


def _is_all_names(words: Sequence[str]) -> bool:
    lists = word_lists()
    letters = [word for word in words if word[0].isalpha()]
    if not 1 <= len(letters) <= 4 or any(not w[0].isalpha() and w not in _CONNECTORS for w in words):
        return False
    if any(word.lower() in FIRMS or word.lower() in STREETS for word in letters):
        return False
    whole = " ".join(letters).lower()
    if whole in lists["places"] or (len(letters) == 1 and whole in lists["place_words"]):
        return False
    if len(letters) == 1:
        return _is_name(letters[0])
    return letters[0].lower() in lists["given"] and all(_is_name(w) or len(w) == 1 for w in letters[1:])


def _goes_on(words: Sequence[str], index: int) -> bool:
    """Tell whether a name goes on: an initial with its point, or a listed name right behind it."""
    word = words[index]
    if word == ".":
        return len(words[index - 1]) == 1 and words[index - 1].isupper()
    if word == "-" or (len(word) == 1 and word.isupper()):
        return index + 1 < len(words) and words[index + 1][0].isupper()
    return _is_name(word)


def _joined(text: str, places: Sequence[tuple[int, int]], labels: Sequence[str]) -> Iterator[Tagged]:
    """Yield the finds; names that stand side by side are one, and white space at the ends is left out."""
    held: Tagged | None = None
    for first, last in _runs(labels):
        start, end = places[first][0], places[last - 1][1]
        surface = text[start:end]
        found = Tagged(labels[first][2:], end - len(surface.lstrip()), start + len(surface.rstrip()))
        if held and held.label == found.label == "PERSON" and text[held.end : found.start] == " ":
            held = held._replace(end=found.end)
            continue
        if held:
            yield held
        held = found
    if held:
        yield held
