"""Column files: a token and its tag a line, a blank line between sentences; tags in BIO, BMES or BIOES (BILOU).

The first column is the token and the last one the tag. Characters (Chinese corpora) are joined as they are, words with
a space between them unless one of the two is Han. Weibo's form, a character with the number of its place in the word,
is understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from anonymization.evaluation.labels import LabelMap
from anonymization.evaluation.scoring import GoldNote, GoldSpan

_TAG: Final = re.compile(r"([BIMESLUW])[-_](.+)")
_HAN: Final = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
_NUMBERED: Final = re.compile(r"(?s).\d")
_STARTS: Final = "BSUW"
_ENDS: Final = "ESLUW"
_SAMPLE: Final = 2000

_Token = tuple[str, str]


def read_columns(text: str, labels: LabelMap) -> Iterator[GoldNote]:
    """Yield one note a sentence, named by the line on which it starts; ValueError names a line that is malformed."""
    sentences = list(_sentences(text))
    sample = [token for _, tokens in sentences[:_SAMPLE] for token, _ in tokens]
    numbered = bool(sample) and sum(bool(_NUMBERED.fullmatch(t)) for t in sample) > 0.95 * len(sample)
    single = bool(sample) and (numbered or sum(len(t) == 1 for t in sample) > 0.9 * len(sample))
    for line, tokens in sentences:
        yield _note(line, [(t[0], tag) for t, tag in tokens] if numbered else tokens, labels, single)


def _sentences(text: str) -> Iterator[tuple[int, list[_Token]]]:
    tokens: list[_Token] = []
    first = 1
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if not line.strip() or line.startswith("-DOCSTART-"):
            if tokens:
                yield first, tokens
            tokens = []
            continue
        if not tokens:
            first = number
        tokens.append(_token(line, number))
    if tokens:
        yield first, tokens


def _token(line: str, number: int) -> _Token:
    columns = line.split("\t") if "\t" in line else line.split()
    if len(columns) == 1 and line[0].isspace():
        columns = [line[0], columns[0]]
    if len(columns) < 2:
        raise ValueError(f"line {number}: a token and its tag are expected, separated by a tab or a space")
    token, tag = columns[0] or " ", columns[-1].strip()
    if tag != "O" and not _TAG.fullmatch(tag):
        raise ValueError(f"line {number}: the tag is not in BIO, BMES or BIOES")
    return token, tag


def _note(line: int, tokens: list[_Token], labels: LabelMap, single: bool) -> GoldNote:
    text, places = "", []
    for token, _ in tokens:
        if text and not single and not _HAN.match(token) and not _HAN.match(text[-1]):
            text += " "
        places.append((len(text), len(text) + len(token)))
        text += token
    spans = []
    for start, end, label in _spans([tag for _, tag in tokens]):
        entity = labels(label)
        if entity is not None:
            spans.append(GoldSpan(places[start][0], places[end - 1][1], entity))
    return GoldNote(f"line {line}", text, tuple(spans))


def _spans(tags: list[str]) -> Iterator[tuple[int, int, str]]:
    """Yield (first token, token after the last, label); a span without its beginning starts where it is seen."""
    start: int | None = None
    label = ""
    for index, tag in enumerate([*tags, "O"]):
        match = _TAG.fullmatch(tag)
        place, name = (match.group(1), match.group(2)) if match else ("O", "")
        if start is not None and (place in _STARTS or name != label or place == "O"):
            yield start, index, label
            start = None
        if place != "O" and start is None:
            start, label = index, name
        if start is not None and place in _ENDS:
            yield start, index + 1, label
            start = None
