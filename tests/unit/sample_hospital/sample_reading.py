"""Reads exports back the way a careful stranger would: physical lines, each decoded on its own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.sample_hospital import Summary
from include.sample_hospital.tables import TABLES, Table


def table(name: str) -> Table:
    return next(t for t in TABLES if f"{t.source}.{t.name}" == name)


def file_of(root: Path, one: Table, delivery: str) -> Path:
    return root / one.source / delivery / one.file


def raw_rows(root: Path, one: Table, delivery: str) -> Iterator[tuple[int, bytes]]:
    """Yield (line where the row starts, its bytes); a quoted line break does not end a row."""
    lines = file_of(root, one, delivery).read_bytes().split(b"\n")[:-1]
    position = 0 if one.ndjson else 1
    while position < len(lines):
        start, row = position, lines[position]
        while not one.ndjson and row.count(b'"') % 2:
            position += 1
            row += b"\n" + lines[position]
        position += 1
        yield start + 1, row


def parse(one: Table, row: bytes) -> dict[str, str] | None:
    """Return the row by logical names, or None when it cannot be read."""
    try:
        text = row.decode(one.encoding)
        if one.ndjson:
            return {name: value or "" for name, value in zip(one.logical, json.loads(text).values(), strict=True)}
        cells = next(csv.reader(io.StringIO(text.rstrip("\r"), newline=""), delimiter=one.delimiter))
    except (UnicodeDecodeError, json.JSONDecodeError):
        return None
    return dict(zip(one.logical, cells, strict=True)) if len(cells) == len(one.logical) else None


def rows(root: Path, name: str, delivery: str, without: set[tuple[str, int]] | None = None) -> list[dict[str, str]]:
    """Return the readable rows of a table, leaving out the given (file, line) places."""
    one = table(name)
    place = f"{one.source}/{delivery}/{one.file}"
    found = ((line, parse(one, row)) for line, row in raw_rows(root, one, delivery))
    return [row for line, row in found if row is not None and (place, line) not in (without or set())]


def key(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{name}.ndjson").read_text(encoding="utf-8").splitlines()]


@dataclass(frozen=True)
class Hospital:
    """A generated hospital and where its files lie."""

    root: Path
    key: Path
    summary: Summary

    @property
    def first(self) -> str:
        return self.summary.deliveries[0]

    def defect_places(self) -> set[tuple[str, int]]:
        return {(defect["file"], defect["line"]) for defect in key(self.key, "defects")}

    def rows(self, name: str) -> list[dict[str, str]]:
        """Return the good rows of the first delivery."""
        return rows(self.root, name, self.first, without=self.defect_places())
