"""Writers of the export files: rows to bytes, and the physical line at which every row starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO

from include.sample_hospital.tables import Table

Row = tuple[str, ...]


def encode_row(table: Table, row: Row) -> bytes:
    """Return the row's bytes, line end included. Empty values are empty fields in CSV and null in NDJSON."""
    if table.ndjson:
        record = {column: value or None for column, value in zip(table.columns, row, strict=True)}
        return (json.dumps(record, ensure_ascii=False) + "\n").encode(table.encoding)
    line = table.delimiter.join(row)
    if line.count(table.delimiter) != len(row) - 1 or '"' in line or "\n" in line or "\r" in line:
        line = table.delimiter.join([_quoted(value, table.delimiter) for value in row])
    return (line + table.newline).encode(table.encoding)


def _quoted(value: str, delimiter: str) -> str:
    if delimiter in value or '"' in value or "\n" in value or "\r" in value:
        return '"' + value.replace('"', '""') + '"'
    return value


class TableWriter:
    """Writes one file of one delivery under a temporary name; ``finish`` gives it its own."""

    def __init__(self, table: Table, folder: Path) -> None:
        self.table, self.path = table, folder / table.file
        folder.mkdir(parents=True, exist_ok=True)
        self._part = self.path.with_suffix(self.path.suffix + ".part")
        self._handle: BinaryIO = self._part.open("wb", buffering=1 << 18)
        self.rows = 0
        self.next_line = 1
        if not table.ndjson:
            if table.bom:
                self._handle.write(b"\xef\xbb\xbf")
            self._write((table.delimiter.join(table.columns) + table.newline).encode(table.encoding))

    def _write(self, data: bytes) -> int:
        line = self.next_line
        self._handle.write(data)
        self.next_line += data.count(b"\n")
        return line

    def write(self, row: Row) -> int:
        """Write a row and return the physical line (1-based) where it starts."""
        self.rows += 1
        return self._write(encode_row(self.table, row))

    def write_bytes(self, data: bytes) -> int:
        """Write a damaged row as it is (it counts as one row) and return its line."""
        self.rows += 1
        return self._write(data)

    def finish(self) -> None:
        self._handle.close()
        self._part.replace(self.path)

    def abandon(self) -> None:
        self._handle.close()
        self._part.unlink(missing_ok=True)
