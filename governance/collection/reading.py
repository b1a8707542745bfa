"""Delivered files → batches of bounded memory. What cannot be read is named, never guessed.

CSV rows are physical lines, or several lines where a quoted field holds line breaks (which are read as LF); NDJSON rows
are lines. Blank lines between rows are no rows. Bytes that do not decode, quotes that do not close, rows with too few
or too many fields, NUL characters and broken JSON become :class:`Refused` rows with their line. A header that lacks a
required column or has one twice, and a file in another encoding than the contract's, refuse the file.
"""

from __future__ import annotations

import csv
import json
import re
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
_FIRST_CJK = "\u2e80"
_BLANK = re.compile(rb"\n[ \t\r\f\v]*+\n")


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
        self._known_unknown: set[str] = set()
        self._unknown_keys: set[str] = set()
        self._header_line = b""
        delimiter = re.escape(self.contract.delivery.delimiter)
        field = rf'(?:"(?:[^"]|"")*+"|[^"{delimiter}\r][^{delimiter}\r]*+|)'
        self._whole_row = re.compile(rf"{field}(?:{delimiter}{field})*+")

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
        self._header_line = header.removeprefix(_BOM).rstrip(b"\r\n")
        if not self._header_line.strip():
            raise self._refusal("the file is empty, not even a header; ask the source to deliver it again")
        columns = self._header(self._header_line)
        for number, (first, lines) in enumerate(self._groups(stream, 2)):
            if number == 0:
                self._check_encoding(lines)
            yield self._csv_batch(first, lines, columns)

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
        self._known_unknown |= set(unknown)

    def _refuse_utf8(self, data: bytes) -> None:
        """Refuse UTF-8 under a contract of another encoding.

        A few words of GB 18030 can be valid UTF-8 by chance; what they then spell is never Chinese.
        """
        if self._encoding != "utf-8" and _decodes(data, "utf-8") and max(data.decode(), default="") >= _FIRST_CJK:
            raise self._refusal(f"the file is UTF-8, the contract says {self._encoding}; correct one of them")

    def _check_encoding(self, lines: list[bytes]) -> None:
        lines = lines[:20_000]
        sample = b"\n".join(lines)
        if sample.isascii():
            return
        self._refuse_utf8(sample)
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
        if self.contract.delivery.format != "csv" or b'"' not in b"\n".join(lines[:end]):
            return end
        position = 0
        while position < end:
            position = position + 1 if self._is_whole(lines[position].rstrip(b"\r")) else self._row(lines, position)[0]
        return position

    def _csv_batch(self, first: int, group: list[bytes], columns: list[str]) -> Batch:
        data = b"\n".join(group)
        content = self._digest.one(self._header_line + b"\n" + data)
        refused: list[Refused] = []
        if b"\r" in data:
            group = [raw.rstrip(b"\r") for raw in group]
        numbers = np.arange(first, first + len(group))
        if (b'"' in data or b"\r" in data) and not all(self._is_whole(raw) for raw in group):
            frame, numbers, group = self._multiline(numbers, group, columns, refused)
        else:
            numbers, group = self._rows_of_text(numbers, group, refused, data)
            frame, numbers, group = self._plain(numbers, group, columns, refused)
        return Batch(first, self._logical(frame), numbers, group, refused, content)

    def _is_whole(self, raw: bytes) -> bool:
        """Whether a line holds whole fields only: no quote stays open, none closes within a value, no stray CR."""
        if b'"' not in raw and b"\r" not in raw:
            return True
        return self._whole_row.fullmatch(raw.decode(self._encoding, "surrogateescape")) is not None

    def _rows_of_text(
        self, numbers: np.ndarray, group: list[bytes], refused: list[Refused], data: bytes
    ) -> tuple[np.ndarray, list[bytes]]:
        """The group without blank lines and without those that are no text."""
        if _BLANK.search(b"\n%b\n" % data):
            filled = [bool(raw.strip()) for raw in group]
            numbers, group = numbers[filled], [raw for raw in group if raw.strip()]
        if b"\0" in data or not _decodes(data, self._encoding):
            return self._decodable(numbers, group, refused)
        return numbers, group

    def _decodable(
        self, numbers: np.ndarray, group: list[bytes], refused: list[Refused]
    ) -> tuple[np.ndarray, list[bytes]]:
        wrong = [_not_text(raw, self._encoding) for raw in group]
        good = [rule is None for rule in wrong]
        for number, raw, rule in zip(numbers.tolist(), group, wrong, strict=True):
            if rule is not None:
                refused.append(Refused(number, raw, self._rule(rule)))
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
        if table.num_rows + len(bad) != len(group):
            raise self._refusal(f"lines {numbers[0]} to {numbers[-1]} do not split into one row each; report this file")
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
                refused.append(Refused(int(numbers[position]), raw, self._rule(_not_text(raw, self._encoding) or rule)))
            else:
                rows.append(record)
                starts.append(int(numbers[position]))
                raws.append(raw)
            position = end
        frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
        return frame, np.array(starts, np.int64), raws

    def _checked_row(self, group: list[bytes], start: int, width: int) -> tuple[int, list[str] | None, str]:
        """End and fields of the row that begins at a line, or ``None`` and the rule that it breaks."""
        end, record, rule = self._row(group, start)
        if record is None:
            return end, None, rule
        if len(record) != width:
            return end, None, "field_count"
        wrong = _not_text(b"\n".join(group[start:end]), self._encoding)
        return (end, None, wrong) if wrong else (end, record, "")

    def _row(self, lines: list[bytes], start: int) -> tuple[int, list[str] | None, str]:
        """The row that begins at a line, of whatever width and bytes; ``None`` when its quotes make no sense."""
        texts = (
            lines[position].rstrip(b"\r").decode(self._encoding, "surrogateescape") + "\n"
            for position in range(start, min(start + _MAX_RECORD_LINES, len(lines)))
        )
        reader = csv.reader(texts, delimiter=self.contract.delivery.delimiter, strict=True)
        try:
            record = next(reader)
        except csv.Error as error:
            return start + 1, None, "line_break" if "new-line" in str(error) else "unclosed_quote"
        return start + reader.line_num, record, ""

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


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _not_text(raw: bytes, encoding: str) -> str | None:
    """The rule that bytes break which are no text that a database can hold, or ``None``."""
    if not _decodes(raw, encoding):
        return "encoding"
    return "control_character" if b"\0" in raw else None


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
