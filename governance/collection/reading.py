"""Delivered files → batches of bounded memory. What cannot be read is named, never guessed.

CSV rows are physical lines, or several lines where a quoted field holds line breaks (which are read as LF); NDJSON rows
are lines. Blank lines between rows are no rows. Bytes that do not decode, quotes that do not close, rows with too few
or too many fields, NUL characters and broken JSON become :class:`Refused` rows with their line. A header that lacks a
required column or has one twice, and a file in another encoding than the contract's, refuse the file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa

from anonymization.encryption import KeyedDigest
from governance.collection.records import Batch, DeliveredFile
from governance.contracts import Catalogue
from governance.errors import CollectionError

_BLOCK = 1 << 20
_LONG = 1 << 16
_MAY_BE_SPACE = (b'"', b"\t", b"\v", b"\f", b"\r", b"\xc2", b"\xe1", b"\xe2", b"\xe3")
_FIRST_CJK = "\u2e80"
BOM = b"\xef\xbb\xbf"
MAX_RECORD_LINES = 500  # a quote that stays open longer is a stray quote, not a long field


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


class FileReader(ABC):
    """Reads one delivered file of one format.

    Args:
        file: what to read, under which contract.
        batch_rows: rows of a batch.
        digest: keyed digest for content hashes.

    Attributes:
        warnings: unknown and missing columns, for the record of the file.
    """

    def __init__(self, file: DeliveredFile, batch_rows: int, digest: KeyedDigest) -> None:
        self.file, self.contract = file, file.contract
        self._batch_rows, self._digest = batch_rows, digest
        self._encoding = self.contract.delivery.encoding.lower().replace("_", "-").replace("utf-8-sig", "utf-8")
        self.warnings: list[str] = []
        self._known_unknown: set[str] = set()
        self._unknown_keys: set[str] = set()

    def batches(self) -> Iterator[Batch]:
        """The file's batches in order.

        Raises:
            CollectionError: the file as a whole cannot be read under the contract.
        """
        try:
            with self.file.path.open("rb") as stream:
                yield from self._batches(stream)
        except OSError as error:
            raise self._refusal(f"cannot be read ({error.strerror})") from error
        if self._unknown_keys:
            self.warnings.append(f"unknown columns dropped: {', '.join(sorted(self._unknown_keys))}")

    @abstractmethod
    def _batches(self, stream: BinaryIO) -> Iterator[Batch]: ...

    def _refusal(self, what: str) -> CollectionError:
        return CollectionError(f"{self.file.name} ({self.contract.id}): {what}")

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
        if self._encoding != "utf-8" and decodes(data, "utf-8") and max(data.decode(), default="") >= _FIRST_CJK:
            raise self._refusal(f"the file is UTF-8, the contract says {self._encoding}; correct one of them")

    def _check_encoding(self, lines: list[bytes]) -> None:
        lines = lines[:20_000]
        sample = b"\n".join(lines)
        if sample.isascii():
            return
        self._refuse_utf8(sample)
        if decodes(sample, self._encoding):
            return
        bad = sum(not decodes(raw, self._encoding) for raw in lines)
        if bad > 0.5 * sum(not raw.isascii() for raw in lines) and bad > 5:
            raise self._refusal(f"most rows with Chinese text are not {self._encoding}; the export's encoding is wrong")

    def _groups(self, stream: BinaryIO, first_line: int) -> Iterator[tuple[int, list[bytes], bytes]]:
        """Groups of about ``batch_rows`` physical lines: number of the first one, the lines, the same bytes undivided.

        A group never ends inside a quoted field, unless the quote stays open for too many lines.
        """
        held = b""
        while held := self._filled(stream, held):
            lines = self._cut(held)
            size = sum(map(len, lines)) + len(lines)
            data, held = held[:size].removesuffix(b"\n"), held[size:]
            yield first_line, lines, data
            first_line += len(lines)

    def _filled(self, stream: BinaryIO, held: bytes) -> bytes:
        """What is held and the blocks that follow, until a group and the longest record after it fit in."""
        blocks, lines = [held], held.count(b"\n")
        while lines < self._batch_rows + MAX_RECORD_LINES and (block := stream.read(_BLOCK)):
            blocks.append(block)
            lines += block.count(b"\n")
        return b"".join(blocks)

    def _cut(self, held: bytes) -> list[bytes]:
        """The lines of the next group."""
        return first_lines(held, self._batch_rows)

    def _logical(self, frame: pl.DataFrame, *, trimmed: bool = False) -> pl.DataFrame:
        """The contract's columns by their logical names, without white space around values; empty = null.

        Args:
            trimmed: no value has white space around it or is empty, so that none needs a look.
        """
        present = set(frame.columns)
        logical = frame.select(
            (pl.col(f.physical_name) if f.physical_name in present else pl.lit(None, pl.String)).alias(f.name)
            for f in self.contract.fields
        )
        if trimmed:
            return logical
        logical = logical.select(pl.all().str.strip_chars())
        blank = logical.select((pl.all() == "").any()).row(0)
        emptied = [name for name, found in zip(logical.columns, blank, strict=True) if found]
        return logical.with_columns(pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in emptied)

    def _rule(self, name: str) -> str:
        return f"{self.contract.id}.{name}"


def first_lines(data: bytes, number: int) -> list[bytes]:
    """The first lines, at most so many; the last line of a file may lack its line feed."""
    lines = data.split(b"\n", number)
    if len(lines) > number or not lines[-1]:
        lines.pop()
    return lines


def decodes(data: bytes, encoding: str) -> bool:
    """Whether bytes are text of an encoding."""
    if encoding == "utf-8" and len(data) > _LONG:
        return _is_utf8(data)
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _is_utf8(data: bytes) -> bool:
    """Arrow's check, which makes no text of the bytes and takes a sixth of the time."""
    one = [None, pa.py_buffer(np.array([0, len(data)], np.int64)), pa.py_buffer(data)]
    try:
        pa.Array.from_buffers(pa.large_utf8(), 1, one).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def is_trimmed(data: bytes, delimiter: str) -> bool:
    """Whether it is sure that no field of CSV in UTF-8 has white space around it; ``False`` says only that one may.

    Sure is what has no quote, no blank beside a delimiter or a line's end, and no byte with which other white space of
    Unicode begins. It takes a third of the time of trimming.
    """
    if any(byte in data for byte in _MAY_BE_SPACE) or data[:1] == b" " or data[-1:] == b" ":
        return False
    whole = np.frombuffer(data, np.uint8)
    for start in range(0, len(whole), 2 * _LONG):  # parts that fit the cache; neighbours share a byte
        part = whole[start : start + 2 * _LONG + 1]
        blank, edge = part == ord(" "), (part == ord(delimiter)) | (part == ord("\n"))
        if (blank[1:] & edge[:-1]).any() or (blank[:-1] & edge[1:]).any():
            return False
    return True


def not_text(raw: bytes, encoding: str) -> str | None:
    """The rule that bytes break which are no text that a database can hold, or ``None``."""
    if not decodes(raw, encoding):
        return "encoding"
    return "control_character" if b"\0" in raw else None
