"""Groups errors by pattern: the shape of the span and the classes of what stands around it, never the text itself."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from anonymization.evaluation.scoring import GoldNote

_AROUND: Final = 2
_LONGEST_SHAPE: Final = 24


@dataclass(slots=True)
class Pattern:
    """Errors of one type and shape: how many, and where to look (note id, start, end)."""

    entity: str
    shape: str
    before: str
    after: str
    count: int = 0
    places: list[tuple[str, int, int]] = field(default_factory=list)


def character_class(character: str) -> str:
    """Return the class of a character: 汉 Han, 9 digit, A a letter in capitals, a another letter, ␣ blank; 、 else."""
    if "\u3400" <= character <= "\u9fff" or character >= "\U00020000":
        return "汉"
    if character.isdigit():
        return "9"
    if character.isalpha():
        return "A" if character.isupper() else "a"
    if character.isspace():
        return "␣"
    return unicodedata.normalize("NFKC", character)[:1] if unicodedata.category(character)[0] in "PS" else "?"


def shape(text: str) -> str:
    """Return the classes of a text, runs counted: 汉×3, 9×11, A a×4."""
    runs = [(kind, len(list(group))) for kind, group in groupby(map(character_class, text))]
    written = " ".join(kind if count == 1 else f"{kind}×{count}" for kind, count in runs)
    return written if len(written) <= _LONGEST_SHAPE else written[:_LONGEST_SHAPE] + "…"


def error_patterns(
    errors: Iterable[tuple[str, str, int, int]], notes: Mapping[str, GoldNote], most: int = 40
) -> list[Pattern]:
    """Group errors (note id, type, start, end); most frequent first."""
    groups: dict[tuple[str, str, str, str], Pattern] = {}
    for note_id, entity, start, end in errors:
        text = notes[note_id].text
        before = shape(text[max(0, start - _AROUND) : start]) or "⊢"
        after = shape(text[end : end + _AROUND]) or "⊣"
        key = (entity, shape(text[start:end]), before, after)
        pattern = groups.setdefault(key, Pattern(*key))
        pattern.count += 1
        pattern.places.append((note_id, start, end))
    ordered = sorted(groups.values(), key=lambda p: (-p.count, p.entity, p.shape, p.before))
    return ordered[:most]
