"""Rows of a delivered file, counted without the collector's code.

A row is a line that is not blank; in CSV, a line that opens a quoted field and does not close it goes on until one
closes it. A quote that is not closed within 2,000 lines belongs to its own line only, and a line that does not decode
is a row by itself even inside a quoted field: such lines are refused, and they count. The header is no row.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

_LONGEST = 2_000  # lines of one quoted row


def count_rows(path: Path, file_format: str, encoding: str) -> int:
    """Rows of one file (``csv`` or ``ndjson``).

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as lines:
        if file_format != "csv":
            return sum(1 for line in lines if line.strip())
        next(lines, None)
        return _count_csv((line.strip(b"\r\n") for line in lines), encoding.replace("utf-8-sig", "utf-8"))


def _count_csv(lines: Iterator[bytes], encoding: str) -> int:
    rows = 0
    again: deque[bytes] = deque()  # lines after a stray quote, which are rows of their own
    while (line := again.popleft() if again else next(lines, None)) is not None:
        if not line.strip():
            continue
        rows += 1
        if _opens(line) and _decodes(line, encoding):
            taken, alone, closed = _rest_of_row(again, lines, encoding)
            if closed:
                rows += alone
            else:
                again.extendleft(reversed(taken))
    return rows


def _rest_of_row(again: deque[bytes], lines: Iterator[bytes], encoding: str) -> tuple[list[bytes], int, bool]:
    """Lines up to the one that closes the quote; how many of them are rows by themselves; whether it was closed."""
    taken: list[bytes] = []
    alone = 0
    while len(taken) < _LONGEST and (line := again.popleft() if again else next(lines, None)) is not None:
        taken.append(line)
        if not line.strip():
            continue
        if not _decodes(line, encoding):
            alone += 1
        elif _opens(line):
            return taken, alone, True
    return taken, alone, False


def _opens(line: bytes) -> bool:
    return bool(line.count(b'"') & 1)


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
