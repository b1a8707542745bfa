"""CSV files: lines are parsed by Arrow in one go; where a quoted field holds line breaks, row by row."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv

from anonymization.encryption import KeyedDigest
from governance.collection.reading import BOM, MAX_RECORD_LINES, FileReader, decodes, first_lines, is_trimmed, not_text
from governance.collection.records import Batch, DeliveredFile, Refused

_RESYNC_LINES = 500
_PARSED_AT_ONCE = 1 << 20  # bytes; what is parsed stays in the processor's cache, a third faster than all at once


class CsvReader(FileReader):
    """Reads a CSV file with a header."""

    def __init__(self, file: DeliveredFile, batch_rows: int, digest: KeyedDigest) -> None:
        super().__init__(file, batch_rows, digest)
        self._header_line = b""
        delimiter = re.escape(self.contract.delivery.delimiter)
        field = rf'(?:"(?:[^"]|"")*+"|[^"{delimiter}\r][^{delimiter}\r]*+|)'
        self._whole_row = re.compile(rf"{field}(?:{delimiter}{field})*+")

    def _batches(self, stream: BinaryIO) -> Iterator[Batch]:
        header = stream.readline()
        self._header_line = header.removeprefix(BOM).rstrip(b"\r\n")
        if not self._header_line.strip():
            raise self._refusal("the file is empty, not even a header; ask the source to deliver it again")
        columns = self._header(self._header_line)
        for number, (first, lines, data) in enumerate(self._groups(stream, 2)):
            if number == 0:
                self._check_encoding(lines)
            yield self._csv_batch(first, lines, data, columns)

    def _header(self, raw: bytes) -> list[str]:
        self._refuse_utf8(raw)
        try:
            text = raw.decode(self._encoding)
        except UnicodeDecodeError as error:
            raise self._refusal(
                f"the header is not {self._encoding}; the contract or the export's encoding is wrong"
            ) from error
        physical = [c.strip() for c in next(csv.reader([text], delimiter=self.contract.delivery.delimiter))]
        doubled = sorted({c for c in physical if physical.count(c) > 1})
        if doubled:
            raise self._refusal(f"columns stand twice in the header: {', '.join(doubled)}")
        self._check_columns(set(physical), "the header")
        return physical

    def _cut(self, held: bytes) -> list[bytes]:
        """The lines of the next group, which never ends inside a quoted field."""
        if b'"' not in held:
            return super()._cut(held)
        lines = first_lines(held, self._batch_rows + MAX_RECORD_LINES)
        position = 0
        while position < min(self._batch_rows, len(lines)):
            position = position + 1 if self._is_whole(lines[position].rstrip(b"\r")) else self._row(lines, position)[0]
        return lines[:position]

    def _csv_batch(self, first: int, group: list[bytes], data: bytes, columns: list[str]) -> Batch:
        content = self._digest.one(self._header_line, b"\n", data)
        refused: list[Refused] = []
        numbers = np.arange(first, first + len(group))
        returns, quotes = b"\r" in data, b'"' in data
        plain = not returns and not quotes and self.contract.delivery.delimiter == ","
        if returns:
            group = [raw.rstrip(b"\r") for raw in group]
            data = b"\n".join(group)
        if (returns or quotes) and not all(self._is_whole(raw) for raw in group):
            frame, numbers, group = self._multiline(numbers, group, columns, refused)
        else:
            if b"\0" in data or not decodes(data, self._encoding):
                numbers, group = self._decodable(numbers, group, refused)
                data = b"\n".join(group)
            frame, numbers, group = self._plain(numbers, group, data, columns, refused)
        return Batch(first, frame, numbers, group, refused, content, plain=plain)

    def _is_whole(self, raw: bytes) -> bool:
        """Whether a line holds whole fields only: no quote stays open, none closes within a value, no stray CR."""
        if b'"' not in raw and b"\r" not in raw:
            return True
        return self._whole_row.fullmatch(raw.decode(self._encoding, "surrogateescape")) is not None

    def _decodable(
        self, numbers: np.ndarray, group: list[bytes], refused: list[Refused]
    ) -> tuple[np.ndarray, list[bytes]]:
        wrong = [not_text(raw, self._encoding) for raw in group]
        good = [rule is None for rule in wrong]
        for number, raw, rule in zip(numbers.tolist(), group, wrong, strict=True):
            if rule is not None:
                refused.append(Refused(number, raw, self._rule(rule)))
        return numbers[good], [raw for raw, fine in zip(group, good, strict=True) if fine]

    def _plain(
        self, numbers: np.ndarray, group: list[bytes], data: bytes, columns: list[str], refused: list[Refused]
    ) -> tuple[pl.DataFrame, np.ndarray, list[bytes]]:
        """Rows that are one line each: parsed by Arrow, ragged and blank lines named by its handler.

        Args:
            data: the lines of ``group``, undivided.
        """
        bad: list[int] = []

        def ragged(row: pa.csv.InvalidRow) -> str:
            bad.append(row.number - 1)
            return "skip"

        if b"" in group or len(columns) == 1 or self.contract.delivery.delimiter.isspace():  # Arrow would make rows
            filled = [bool(raw.strip()) for raw in group]
            numbers, group = numbers[filled], [raw for raw in group if raw.strip()]
            data = b"\n".join(group)
        if not group:
            return self._logical(pl.DataFrame(schema=dict.fromkeys(columns, pl.String))), numbers, []
        if self._encoding != "utf-8":
            data = data.decode(self._encoding).encode()
        longest = 3 * max(map(len, group)) + 64  # as UTF-8; a line must fit into a block
        table = pa.csv.read_csv(
            pa.BufferReader(data),
            read_options=pa.csv.ReadOptions(
                column_names=columns, use_threads=False, block_size=max(_PARSED_AT_ONCE, longest)
            ),
            parse_options=pa.csv.ParseOptions(
                delimiter=self.contract.delivery.delimiter,
                quote_char='"' if b'"' in data else False,
                invalid_row_handler=ragged,
                ignore_empty_lines=False,
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
                check_utf8=False,  # it was checked, or made, above
            ),
        )
        if table.num_rows + len(bad) != len(group):
            raise self._refusal(f"lines {numbers[0]} to {numbers[-1]} do not split into one row each; report this file")
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)  # noqa: S101  narrows the type; a table always gives a frame
        if bad:
            keep = np.ones(len(group), bool)
            keep[bad] = False
            rule = self._rule("field_count")
            refused += [Refused(int(numbers[p]), group[p], rule) for p in bad if group[p].strip()]
            numbers, group = numbers[keep], [raw for raw, kept in zip(group, keep.tolist(), strict=True) if kept]
        return self._logical(frame, trimmed=is_trimmed(data, self.contract.delivery.delimiter)), numbers, group

    def _multiline(
        self, numbers: np.ndarray, group: list[bytes], columns: list[str], refused: list[Refused]
    ) -> tuple[pl.DataFrame, np.ndarray, list[bytes]]:
        """Rows of which some span lines.

        A broken row is its own line; one that leaves a quote open on it takes the lines up to the next whole row.
        """
        rows: list[list[str]] = []
        starts: list[int] = []
        raws: list[bytes] = []
        position, width = 0, len(columns)
        while position < len(group):
            if not group[position].strip():
                position += 1
                continue
            end, record, rule = self._checked_row(group, position, width)
            if record is None and rule in ("field_count", "unclosed_quote", "line_break"):
                end = position + 1
                limit = min(position + _RESYNC_LINES, len(group)) if group[position].count(b'"') & 1 else end
                while end < limit and self._checked_row(group, end, width)[1] is None:
                    end += 1
            raw = b"\n".join(group[position:end])
            if record is None:
                refused.append(Refused(int(numbers[position]), raw, self._rule(not_text(raw, self._encoding) or rule)))
            else:
                rows.append(record)
                starts.append(int(numbers[position]))
                raws.append(raw)
            position = end
        frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
        return self._logical(frame), np.array(starts, np.int64), raws

    def _checked_row(self, group: list[bytes], start: int, width: int) -> tuple[int, list[str] | None, str]:
        """End and fields of the row that begins at a line, or ``None`` and the rule that it breaks."""
        end, record, rule = self._row(group, start)
        if record is None:
            return end, None, rule
        if len(record) != width:
            return end, None, "field_count"
        wrong = not_text(b"\n".join(group[start:end]), self._encoding)
        return (end, None, wrong) if wrong else (end, record, "")

    def _row(self, lines: list[bytes], start: int) -> tuple[int, list[str] | None, str]:
        """The row that begins at a line, of whatever width and bytes; ``None`` when its quotes make no sense."""
        texts = (
            lines[position].rstrip(b"\r").decode(self._encoding, "surrogateescape") + "\n"
            for position in range(start, min(start + MAX_RECORD_LINES, len(lines)))
        )
        reader = csv.reader(texts, delimiter=self.contract.delivery.delimiter, strict=True)
        try:
            record = next(reader)
        except csv.Error as error:
            return start + 1, None, "line_break" if "new-line" in str(error) else "unclosed_quote"
        return start + reader.line_num, record, ""
