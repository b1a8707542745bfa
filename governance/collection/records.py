"""What passes between reader, gate, protection and loader."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from governance.contracts import Contract


@dataclass(frozen=True)
class DeliveredFile:
    """One file of one delivery.

    Attributes:
        name: path relative to the deliveries root, with ``/``.
        delivery: the part of the path that the contract's ``*`` stands for; ``''`` for flat folders.
    """

    contract: Contract
    path: Path
    name: str
    delivery: str


@dataclass(frozen=True)
class Refused:
    """A source row that could not even be split into fields.

    Attributes:
        line: physical line in the file, 1-based.
        raw: its bytes.
        rule: rule id.
    """

    line: int
    raw: bytes
    rule: str


@dataclass
class Batch:
    """Consecutive rows of one file, as read.

    Attributes:
        first_line: physical line of the first row.
        frame: one row per readable source row; columns are the contract's logical names, all strings, empty = null.
        lines: physical line of each frame row.
        raw: bytes of each frame row.
        refused: rows that never became a frame row.
        withdrawn: rows of withdrawn persons, which were taken out of the frame and are kept nowhere.
        content_hash: keyed hash of all the batch's bytes (32 hexadecimal digits).
        plain: it is sure that no value holds a comma, a quote or a line break, so that CSV of it needs no quotes.
    """

    first_line: int
    frame: pl.DataFrame
    lines: np.ndarray
    raw: list[bytes]
    refused: list[Refused]
    content_hash: str
    withdrawn: int = 0
    plain: bool = False

    @property
    def rows_in(self) -> int:
        """Rows of the batch: readable, refused and withdrawn."""
        return self.frame.height + len(self.refused) + self.withdrawn

    def without(self, gone: np.ndarray) -> Batch:
        """The batch without some rows of its frame, which are counted as withdrawn."""
        stays = ~gone
        raw = [line for line, stay in zip(self.raw, stays.tolist(), strict=True) if stay]
        frame, count = self.frame.filter(pl.Series(stays)), self.withdrawn + int(gone.sum())
        return replace(self, frame=frame, lines=self.lines[stays], raw=raw, withdrawn=count)


@dataclass
class Judgement:
    """What the gate says of a batch.

    Attributes:
        typed: the frame with typed columns (same rows, same order).
        failed: boolean mask over the rows, true = quarantine.
        reasons: row position → ids of the broken rules, for failed rows.
        counts: rule id → rows that break it, errors and warnings.
    """

    typed: pl.DataFrame
    failed: np.ndarray
    reasons: dict[int, list[str]]
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Judged:
    """A batch with all that can be said of it without the warehouse.

    Attributes:
        tokens: tokens of each tokenised field, for every row (null stays null).
        hashes: keyed hash of each row's bytes, 32 hexadecimal digits.
    """

    batch: Batch
    judgement: Judgement
    tokens: dict[str, pl.Series]
    hashes: list[str]
