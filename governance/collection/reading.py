"""Delivered files → batches of bounded memory. What cannot be read is named, never guessed.

CSV rows are physical lines, or several lines where a quoted field holds line breaks; NDJSON rows are lines. Bytes that
do not decode, rows with too few or too many fields and broken JSON become :class:`Refused` rows with their line. A
header that lacks a required column or has one twice, and a file in another encoding than the contract's, refuse the
file.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv

from anonymization.encryption import KeyedDigest
from governance.collection.records import Batch, DeliveredFile, Refused
from governance.contracts import Catalogue
from governance.errors import CollectionError

_BLOCK = 4 << 20
_MAX_RECORD_LINES = 500  # a quote that stays open longer is a stray quote, not a long field
_RESYNC_LINES = 500
_BOM = b"\xef\xbb\xbf"


def find_files(catalogue: Catalogue, source: str, root: Path) -> list[DeliveredFile]:
    """All delivered files of a source: by delivery, and within a delivery parents before children."""
    found = []
    for order, contract in enumerate(catalogue.of_source(source)):
        for path in root.glob(contract.delivery.path):
            if path.is_file():
                name = path.relative_to(root).as_posix()
                found.append((_delivery_of(contract.delivery.path, name), order, name, contract, path))
    found.sort(key=lambda item: item[:3])
    return [DeliveredFile(contract, path, name, delivery) for delivery, _, name, contract, path in found]


def _delivery_of(pattern: str, name: str) -> str:
    for part, actual in zip(pattern.split("/"), name.split("/"), strict=False):
        if "*" in part:
            return actual
    return ""


class FileReader:
    """Reads one delivered file.

    Args:
        file: what to read, under which contract.
        batch_rows: rows of a batch.
        digest: keyed digest for content hashes.

    Attributes:
        warnings: unknown and missing columns, for the record of the file.

    Raises:
        CollectionError: on opening, when the file as a whole cannot be read under the contract.
    """

    def __init__(self, file: DeliveredFile, batch_rows: int, digest: KeyedDigest) -> None:
        self.file, self.contract = file, file.contract
        self._batch_rows, self._digest = batch_rows, digest
        self._encoding = self.contract.delivery.encoding.lower().replace("_", "-").replace("utf-8-sig", "utf-8")
        self.warnings: list[str] = []
        self._unknown_keys: set[str] = set()

    def batches(self) -> Iterator[Batch]:
        """The file's batches in order."""
        try:
            with self.file.path.open("rb") as stream:
                yield from (self._csv(stream) if self.contract.delivery.format == "csv" else self._ndjson(stream))
        except OSError as error:
            raise self._refusal(f"cannot be read ({error.strerror})") from error
        if self._unknown_keys:
            self.warnings.append(f"unknown columns dropped: {', '.join(sorted(self._unknown_keys))}")

    def _refusal(self, what: str) -> CollectionError:
        return CollectionError(f"{self.file.name} ({self.contract.id}): {what}")

    # -- CSV ---------------------------------------------------------------------------------------------------------

    def _csv(self, stream: BinaryIO) -> Iterator[Batch]:
        header = stream.readline()
        if not header.strip():
            raise self._refusal("the file is empty, not even a header; ask the source to deliver it again")
        columns = self._header(header.removeprefix(_BOM).rstrip(b"\r\n"))
        for number, (first, lines) in enumerate(self._groups(stream, 2)):
            if number == 0:
                self._check_encoding(lines)
            yield self._csv_batch(first, lines, columns)

    def _header(self, raw: bytes) -> list[str]:
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

    def _check_columns(self, present: set[str], where: str) -> None:
        known = {f.physical_name: f for f in self.contract.fields}
        missing = [f for f in self.contract.fields if f.physical_name not in present]
        required = [f.physical_name for f in missing if f.required]
        if required:
            raise self._refusal(
                f"{where} lacks the required columns {', '.join(required)}; check the delimiter, the encoding and the "
                "export, or release a new contract version"
            )
        if missing:
            self.warnings.append(f"missing optional columns: {', '.join(f.physical_name for f in missing)}")
        unknown = sorted(present - set(known))
        if unknown:
            self.warnings.append(f"unknown columns dropped: {', '.join(unknown)}")

    def _check_encoding(self, lines: list[bytes]) -> None:
        lines = lines[:20_000]
        sample = b"\n".join(lines)
        if sample.isascii():
            return
        if self._encoding != "utf-8" and _decodes(sample, "utf-8"):
            raise self._refusal(f"the file is UTF-8, the contract says {self._encoding}; correct one of them")
        if _decodes(sample, self._encoding):
            return
        bad = sum(not _decodes(raw, self._encoding) for raw in lines)
        if bad > 0.5 * sum(not raw.isascii() for raw in lines) and bad > 5:
            raise self._refusal(f"most rows with Chinese text are not {self._encoding}; the export's encoding is wrong")

    def _groups(self, stream: BinaryIO, first_line: int) -> Iterator[tuple[int, list[bytes]]]:
        """Groups of about ``batch_rows`` physical lines, with the number of their first line.

        A group never ends inside a quoted field, unless the quote stays open for too many lines.
        """
        lines: list[bytes] = []
        rest = b""
        while True:
            block = stream.read(_BLOCK)
            pieces = (rest + block).split(b"\n")
            rest = pieces.pop() if block else b""
            lines += pieces
            while len(lines) >= self._batch_rows + (_MAX_RECORD_LINES if block else 0) or (lines and not block):
                end = self._cut(lines)
                group, lines = lines[:end], lines[end:]
                last = not block and not lines
                if last and not group[-1]:
                    group.pop()
                if group:
                    yield first_line, group
                first_line += end
            if not block:
                return

    def _cut(self, lines: list[bytes]) -> int:
        """How many of the lines make the next group."""
        end = min(self._batch_rows, len(lines))
        if self.contract.delivery.format == "csv" and b"\n".join(lines[:end]).count(b'"') & 1:
            for position in range(end, min(end + _MAX_RECORD_LINES, len(lines))):
                if lines[position].count(b'"') & 1:
                    return position + 1
        return end

    def _csv_batch(self, first: int, group: list[bytes], columns: list[str]) -> Batch:
        data = b"\n".join(group)
        content = self._digest.one(data)
        refused: list[Refused] = []
        if b"\r" in data:
            group = [raw.rstrip(b"\r") for raw in group]
        numbers = np.arange(first, first + len(group))
        if not all(group):
            numbers = numbers[[bool(raw.strip()) for raw in group]]
            group = [raw for raw in group if raw.strip()]
        if not _decodes(data, self._encoding):
            numbers, group = self._decodable(numbers, group, refused)
        if b'"' in data and any(raw.count(b'"') & 1 for raw in group):
            frame, numbers, group = self._multiline(numbers, group, columns, refused)
        else:
            frame, numbers, group = self._plain(numbers, group, columns, refused)
        return Batch(first, self._logical(frame), numbers, group, refused, content)

    def _decodable(
        self, numbers: np.ndarray, group: list[bytes], refused: list[Refused]
    ) -> tuple[np.ndarray, list[bytes]]:
        good = [_decodes(raw, self._encoding) for raw in group]
        for number, raw, fine in zip(numbers.tolist(), group, good, strict=True):
            if not fine:
                refused.append(Refused(number, raw, self._rule("encoding")))
        return numbers[good], [raw for raw, fine in zip(group, good, strict=True) if fine]

    def _plain(
        self, numbers: np.ndarray, group: list[bytes], columns: list[str], refused: list[Refused]
    ) -> tuple[pl.DataFrame, np.ndarray, list[bytes]]:
        """Rows that are one line each: parsed by Arrow, ragged lines named by its handler."""
        bad: list[int] = []

        def ragged(row: pa.csv.InvalidRow) -> str:
            bad.append(row.number - 1)
            return "skip"

        if not group:
            return pl.DataFrame(schema=dict.fromkeys(columns, pl.String)), numbers, []
        data = b"\n".join(group)
        if self._encoding != "utf-8":
            data = data.decode(self._encoding).encode()
        table = pa.csv.read_csv(
            pa.BufferReader(data),
            read_options=pa.csv.ReadOptions(column_names=columns, use_threads=False, block_size=max(len(data) + 1, 64)),
            parse_options=pa.csv.ParseOptions(
                delimiter=self.contract.delivery.delimiter, invalid_row_handler=ragged, ignore_empty_lines=False
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)  # noqa: S101  narrows the type; a table always gives a frame
        if bad:
            keep = np.ones(len(group), bool)
            keep[bad] = False
            refused += [Refused(int(numbers[p]), group[p], self._rule("field_count")) for p in bad]
            numbers, group = numbers[keep], [raw for raw, kept in zip(group, keep.tolist(), strict=True) if kept]
        return frame, numbers, group

    def _multiline(
        self, numbers: np.ndarray, group: list[bytes], columns: list[str], refused: list[Refused]
    ) -> tuple[pl.DataFrame, np.ndarray, list[bytes]]:
        """Rows of which some span lines; after a broken one, reading goes on at the next line that begins a whole row."""
        rows: list[list[str]] = []
        starts: list[int] = []
        raws: list[bytes] = []
        position = 0
        while position < len(group):
            end, record = self._record(group, position, len(columns))
            if record is not None:
                rows.append(record)
                starts.append(int(numbers[position]))
                raws.append(b"\n".join(group[position:end]))
            else:
                end = position + 1
                limit = min(position + _RESYNC_LINES, len(group))
                while end < limit and self._record(group, end, len(columns))[1] is None:
                    end += 1
                raw = b"\n".join(group[position:end])
                rule = "unclosed_quote" if raw.count(b'"') & 1 else "field_count"
                refused.append(Refused(int(numbers[position]), raw, self._rule(rule)))
            position = end
        frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
        return frame, np.array(starts, np.int64), raws

    def _record(self, group: list[bytes], start: int, width: int) -> tuple[int, list[str] | None]:
        """End and fields of the row that begins at a line, or ``None`` when no whole row begins there."""
        end = _record_end(group, start)
        raw = b"\n".join(group[start:end])
        if raw.count(b'"') & 1:
            return end, None
        text = io.StringIO(raw.decode(self._encoding), newline="")
        record = next(csv.reader(text, delimiter=self.contract.delivery.delimiter))
        return end, record if len(record) == width else None

    # -- NDJSON ------------------------------------------------------------------------------------------------------

    def _ndjson(self, stream: BinaryIO) -> Iterator[Batch]:
        for number, (first, lines) in enumerate(self._groups(stream, 1)):
            if number == 0:
                self._check_encoding(lines)
            yield self._ndjson_batch(first, lines, first_batch=number == 0)

    def _ndjson_batch(self, first: int, lines: list[bytes], *, first_batch: bool) -> Batch:
        content = self._digest.one(b"\n".join(lines))
        refused: list[Refused] = []
        names = [f.physical_name for f in self.contract.fields]
        known = set(names)
        present: set[str] = set()
        rows: list[list[str | None]] = []
        numbers: list[int] = []
        raws: list[bytes] = []
        for number, line in enumerate(lines, first):
            raw = line.rstrip(b"\r").removeprefix(_BOM) if number == 1 else line.rstrip(b"\r")
            if not raw.strip():
                continue
            try:
                document = json.loads(raw.decode(self._encoding))
                if not isinstance(document, dict):
                    raise ValueError
            except UnicodeDecodeError:
                refused.append(Refused(number, raw, self._rule("encoding")))
                continue
            except ValueError:
                refused.append(Refused(number, raw, self._rule("json")))
                continue
            present |= document.keys()
            rows.append([_text(document.get(name)) for name in names])
            numbers.append(number)
            raws.append(raw)
        if first_batch and rows:
            self._check_columns(present, "no object of the first batch")
        self._unknown_keys |= present - known if not first_batch else set()
        frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
        return Batch(first, self._logical(frame), np.array(numbers, np.int64), raws, refused, content)

    # -- both --------------------------------------------------------------------------------------------------------

    def _logical(self, frame: pl.DataFrame) -> pl.DataFrame:
        present = set(frame.columns)
        return frame.select(
            (
                _stripped(f.physical_name).alias(f.name)
                if f.physical_name in present
                else pl.lit(None, pl.String).alias(f.name)
            )
            for f in self.contract.fields
        )

    def _rule(self, name: str) -> str:
        return f"{self.contract.id}.{name}"


def _stripped(column: str) -> pl.Expr:
    stripped = pl.col(column).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def _record_end(lines: list[bytes], start: int) -> int:
    """Position after the record that begins at ``start``; the next line when its quote never closes."""
    if not lines[start].count(b'"') & 1:
        return start + 1
    for position in range(start + 1, min(start + _MAX_RECORD_LINES, len(lines))):
        if lines[position].count(b'"') & 1:
            return position + 1
    return start + 1


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)
