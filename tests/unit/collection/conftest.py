"""Contracts made in code, files made of bytes, and a fixed keyring."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anonymization.encryption import KeyedDigest
from governance.collection.formats import READERS
from governance.collection.reading import FileReader
from governance.collection.records import Batch, DeliveredFile
from governance.contracts import Contract, Field, Protection
from governance.contracts.model import Delivery, LogicalType
from governance.keys import Keyring
from governance.keys.keyring import PURPOSES

KEY = bytes(range(32))


def make_field(name: str, **given: Any) -> Field:
    """A plain text field that is kept, unless said otherwise."""
    values: dict[str, Any] = {
        "name": name, "physical_name": name.upper(), "business_name": None, "description": None,
        "logical_type": LogicalType.STRING, "identifier": "none", "category": "HS", "level": 2,
        "protection": (Protection.KEEP,),
    }  # fmt: skip
    return Field(**(values | given))


def make_contract(fields: list[Field], **given: Any) -> Contract:
    """A contract of CSV files in UTF-8 with these fields, unless said otherwise."""
    delivery = {"path": "clinic/*/table.csv", "format": "csv", "encoding": "utf-8", "delimiter": ","}
    values: dict[str, Any] = {
        "id": "clinic.table", "source": "clinic", "table": "table", "version": "1.0.0",
        "file": "clinic/table.odcs.yaml",
        "title": "Table", "description": "", "patient_key": None, "rules": (),
        "delivery": Delivery(**(delivery | given.pop("delivery", {}))), "fields": tuple(fields),
    }  # fmt: skip
    return Contract(**(values | given))


class Reading:
    """All that was read of one file."""

    def __init__(self, reader: FileReader) -> None:
        self.batches: list[Batch] = list(reader.batches())
        self.warnings = reader.warnings

    @property
    def rows(self) -> dict[int, dict[str, str | None]]:
        """Line → values of the readable rows."""
        return {
            int(line): row
            for batch in self.batches
            for line, row in zip(batch.lines, batch.frame.to_dicts(), strict=True)
        }

    @property
    def refused(self) -> dict[int, str]:
        """Line → rule of the refused rows, without the contract's id."""
        return {r.line: r.rule.rsplit(".", 1)[-1] for batch in self.batches for r in batch.refused}

    @property
    def raw(self) -> dict[int, bytes]:
        """Line → bytes of every row."""
        found = {int(line): raw for b in self.batches for line, raw in zip(b.lines, b.raw, strict=True)}
        return found | {r.line: r.raw for b in self.batches for r in b.refused}


@pytest.fixture
def contracts() -> Callable[..., Contract]:
    """Makes contracts: fields (names or :class:`Field`), then what differs from the usual."""

    def make(fields: list[str | Field], **given: Any) -> Contract:
        return make_contract([make_field(f) if isinstance(f, str) else f for f in fields], **given)

    return make


@pytest.fixture
def fields() -> Callable[..., Field]:
    """Makes fields."""
    return make_field


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Reading]:
    """Reads bytes as a delivered file of the fields a, b, c (``a`` required)."""
    folder = tmp_path_factory.mktemp("files")

    def reading(content: bytes, contract: Contract | None = None, batch_rows: int = 1000, **delivery: str) -> Reading:
        abc = [make_field("a", required=True), make_field("b"), make_field("c")]
        chosen = contract or make_contract(abc, delivery=delivery)
        path: Path = folder / "table.csv"
        path.write_bytes(content)
        file = DeliveredFile(chosen, path, "clinic/d/table.csv", "d")
        return Reading(READERS[chosen.delivery.format](file, batch_rows, KeyedDigest(KEY, "t")))

    return reading


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    """A keyring whose keys are fixed."""
    keys = {purpose: {1: bytes([number] * 32)} for number, purpose in enumerate(PURPOSES, 1)}
    return Keyring(keys=keys, backup_recipient="", backup_identity="")
