"""Rows of a delivered file, counted without the collector's code.

A row is a line that is not blank; in CSV, a line that opens a quoted field goes on until the field is closed. What does
not split into as many fields as the header has is a broken row: it is its own line, and where that line leaves a quote
open, the lines up to the next whole row belong to it. Broken rows are refused, and they count. The header is no row.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

_LONGEST = 500  # lines of one quoted row, and of what a broken one may take with it


def count_rows(path: Path, file_format: str, encoding: str, delimiter: str = ",") -> int:
    """Rows of one file (``csv`` or ``ndjson``). A CSV file with quotes is held in memory, any other is streamed.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as lines:
        if file_format != "csv":
            return sum(1 for line in lines if line.strip())
        header = next(lines, b"")
        rows, quoted = 0, False
        for line in lines:
            if b'"' in line:
                quoted = True
                break
            rows += bool(line.strip())
        if not quoted:
            return rows
    own = encoding.replace("utf-8-sig", "utf-8")
    width = len(next(csv.reader([header.removeprefix(b"\xef\xbb\xbf").decode(own).strip()], delimiter=delimiter)))
    with path.open("rb") as again:
        next(again, None)
        return _count([line.strip(b"\r\n").decode(own, "surrogateescape") for line in again], width, delimiter)


def _count(lines: list[str], width: int, delimiter: str) -> int:
    rows, at = 0, 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        rows += 1
        end = _whole_row(lines, at, width, delimiter)
        if end is None:
            end = at + 1
            if lines[at].count('"') & 1:
                while end < min(at + _LONGEST, len(lines)) and _whole_row(lines, end, width, delimiter) is None:
                    end += 1
        at = end
    return rows


def _whole_row(lines: list[str], start: int, width: int, delimiter: str) -> int | None:
    """Line after the row of the header's width that begins at a line, or ``None`` when none begins there."""

    def following() -> Iterator[str]:
        return (line + "\n" for line in lines[start : start + _LONGEST])

    reader = csv.reader(following(), delimiter=delimiter, strict=True)
    try:
        record = next(reader)
    except csv.Error:
        return None
    return start + reader.line_num if len(record) == width else None
