"""NDJSON files: a JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import polars as pl

from governance.collection.reading import BOM, FileReader
from governance.collection.records import Batch, Refused


class NdjsonReader(FileReader):
    """Reads a file of JSON objects; values that are no strings are taken as JSON writes them."""

    def _batches(self, stream: BinaryIO) -> Iterator[Batch]:
        for number, (first, lines, data) in enumerate(self._groups(stream, 1)):
            if number == 0:
                self._check_encoding(lines)
            yield self._ndjson_batch(first, lines, data, first_batch=number == 0)

    def _ndjson_batch(self, first: int, lines: list[bytes], data: bytes, *, first_batch: bool) -> Batch:
        content = self._digest.one(data)
        refused: list[Refused] = []
        names = [f.physical_name for f in self.contract.fields]
        known = set(names)
        present: set[str] = set()
        rows: list[list[str | None]] = []
        numbers: list[int] = []
        raws: list[bytes] = []
        for number, line in enumerate(lines, first):
            raw = line.rstrip(b"\r").removeprefix(BOM) if number == 1 else line.rstrip(b"\r")
            if not raw.strip():
                continue
            try:
                document = json.loads(raw.decode(self._encoding), object_pairs_hook=_object)
                if not isinstance(document, dict):
                    raise ValueError
            except UnicodeDecodeError:
                refused.append(Refused(number, raw, self._rule("encoding")))
                continue
            except (ValueError, RecursionError):
                refused.append(Refused(number, raw, self._rule("json")))
                continue
            row = [_text(document.get(name)) for name in names]
            wrong = _unstorable(row) if b"\\u" in raw or b"\0" in raw else None
            if wrong is not None:
                refused.append(Refused(number, raw, self._rule(wrong)))
                continue
            present |= document.keys()
            rows.append(row)
            numbers.append(number)
            raws.append(raw)
        if first_batch and rows:
            self._check_columns(present, "no object of the first batch")
        self._unknown_keys |= present - known - self._known_unknown
        frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
        return Batch(first, self._logical(frame), np.array(numbers, np.int64), raws, refused, content)


def _unstorable(row: list[str | None]) -> str | None:
    """The rule that escaped characters break which no database can hold: NUL, and halves of surrogate pairs."""
    text = "".join(value for value in row if value)
    if "\0" in text:
        return "control_character"
    return "encoding" if any("\ud800" <= c <= "\udfff" for c in text) else None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; one that names a key twice does not say which value holds."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)
