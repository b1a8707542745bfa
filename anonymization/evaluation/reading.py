"""Reads annotated corpora: column files (BIO, BMES, BIOES), JSON lines of spans, and presidio-research's JSON.

A fault stops the reading with file and line: a measure over half a corpus would be a wrong figure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from anonymization.errors import AnonymizationError
from anonymization.evaluation.columns import read_columns
from anonymization.evaluation.labels import LabelMap
from anonymization.evaluation.scoring import GoldNote, GoldSpan

FORMATS: Final = ("columns", "jsonl", "presidio")
_START: Final = ("start", "start_position", "start_offset", "begin")
_END: Final = ("end", "end_position", "end_offset")
_TYPE: Final = ("type", "entity_type", "label", "entity", "category")
_SURFACE: Final = ("entity_value", "surface", "mention")
_SPANS: Final = ("spans", "entities", "labels", "label", "annotations")


class CorpusError(AnonymizationError):
    """A corpus cannot be read; the message names file and line (or record), never text."""


def read_corpus(path: Path, labels: LabelMap, form: str | None = None) -> list[GoldNote]:
    """Read a corpus; its form is one of FORMATS, or seen from the file. Notes without any text are left out.

    Raises CorpusError when the file cannot be read, is malformed, or holds no note.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise CorpusError(f"{path}, line {line}: not UTF-8. Convert the file to UTF-8.") from error
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror}). Check the path.") from error
    readers: dict[str, Callable[[str, LabelMap], Iterator[GoldNote]]] = {
        "columns": read_columns, "jsonl": _read_json_lines, "presidio": _read_json,
    }  # fmt: skip
    try:
        notes = list(readers[form or detect_format(text)](text, labels))
    except ValueError as error:
        raise CorpusError(f"{path}, {error}") from error
    if not notes:
        raise CorpusError(f"{path}: no annotated text in it. Give a corpus in one of {', '.join(FORMATS)}.")
    return notes


def detect_format(text: str) -> str:
    """Tell the form of a corpus from its beginning."""
    start = text.lstrip()[:1]
    if start == "[":
        return "presidio"
    if start != "{":
        return "columns"
    first = text.lstrip().split("\n", 1)[0]
    try:
        json.loads(first)
    except ValueError:
        return "presidio" if first.strip() == "{" else "jsonl"
    return "jsonl"


def _read_json_lines(text: str, labels: LabelMap) -> Iterator[GoldNote]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            where = f"line {number}"
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{where}: not JSON") from error
            yield _note(record, number, where, labels)


def _read_json(text: str, labels: LabelMap) -> Iterator[GoldNote]:
    try:
        records = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: not JSON ({error.msg})") from error
    if not isinstance(records, list):
        records = [records]
    for number, record in enumerate(records, start=1):
        yield _note(record, number, f"record {number}", labels)


def _note(record: Any, number: int, where: str, labels: LabelMap) -> GoldNote:
    if not isinstance(record, dict):
        raise ValueError(f"{where}: not a JSON object")
    text = record.get("text", record.get("full_text"))
    if not isinstance(text, str):
        raise ValueError(f'{where}: no "text" or "full_text"')
    given = next((record[name] for name in _SPANS if record.get(name) is not None), None)
    if given is None:
        raise ValueError(f'{where}: no "spans" or "entities"')
    spans = []
    for start, end, label, surface in _given_spans(given, where):
        if not 0 <= start < end <= len(text):
            raise ValueError(f"{where}: span {start}-{end} lies outside of the text of {len(text)} characters")
        if surface is not None and surface.strip() != text[start:end].strip():
            raise ValueError(f"{where}: span {start}-{end} is not where its annotated value stands; check the offsets")
        entity = labels(label)
        if entity is not None:
            spans.append(GoldSpan(start, end, entity))
    return GoldNote(str(record.get("id", number)), text, tuple(spans))


def _given_spans(given: Any, where: str) -> Iterator[tuple[int, int, str, str | None]]:
    """Yield start, end, label and the annotated value, if any, of each way in which spans are written."""
    if isinstance(given, dict):  # CLUENER: {"name": {"surface": [[first, last]]}}
        for label, surfaces in given.items():
            if not isinstance(surfaces, dict):
                raise ValueError(f"{where}: spans are neither a list nor an object of surfaces")
            for surface, places in surfaces.items():
                for first, last in places:
                    yield first, last + 1, label, surface
        return
    if not isinstance(given, list):
        raise ValueError(f"{where}: spans are not a list")
    for span in given:
        try:
            if isinstance(span, dict):
                start, end, label = _first(span, _START), _first(span, _END), _first(span, _TYPE)
                surface = next((span[name] for name in _SURFACE if isinstance(span.get(name), str)), None)
            else:
                (start, end, label), surface = span, None
        except (KeyError, ValueError, TypeError) as error:
            raise ValueError(f"{where}: a span lacks start, end or type") from error
        if type(start) is not int or type(end) is not int or not isinstance(label, str):
            raise ValueError(f"{where}: a span's start and end must be whole numbers, its type a string")
        yield start, end, label, surface


def _first(span: dict[str, Any], names: tuple[str, ...]) -> Any:
    return span[next((name for name in names if name in span), names[0])]
