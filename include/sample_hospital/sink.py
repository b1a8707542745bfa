"""One delivery being written: the files of all tables, the window of time it covers, and the answer key's lines about
it.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from random import Random
from typing import Any

from include.sample_hospital import canaries, tables
from include.sample_hospital.answer_key import AnswerKey
from include.sample_hospital.defects import DefectPlanter
from include.sample_hospital.spans import Text
from include.sample_hospital.tables import Table
from include.sample_hospital.writers import Row, TableWriter

_PREFIX = {"study_uid": "2.25.9", "patient_no": "", "pathology_no": "B9", "visit_no": "V9"}


def _fresh_key(table: Table, serial: str) -> str:
    """Return a primary key that no good row has."""
    return _PREFIX.get(table.logical[0], f"{table.logical[0][0].upper()}X9") + serial


class Delivery:
    """Rows known in [``low``, ``high``) belong to this delivery; ``high`` is the midnight on which it is made."""

    def __init__(
        self, root: Path, day: date, ordinal: int, low: datetime, high: datetime, key: AnswerKey, rng: Random
    ) -> None:
        self.day, self.low, self.high, self.key, self.ordinal = day, low, high, key, ordinal
        self.name = day.isoformat()
        self._writers = {id(table): TableWriter(table, root / table.source / self.name) for table in tables.TABLES}
        self.planter = DefectPlanter(self.note_down, self.name, ordinal, rng, _fresh_key)
        self._buffer: list[tuple[str, dict[str, Any]]] | None = None
        self.next_note_canary = 0 if ordinal == 0 else len(canaries.NOTE_CANARIES)

    def buffer_key(self) -> None:
        """Keep the answer key's lines back until ``finish`` (several deliveries are written in one pass, the key goes
        by delivery).
        """
        self._buffer = []

    def note_down(self, name: str, record: dict[str, Any]) -> None:
        """Add a line to the answer key."""
        if self._buffer is None:
            self.key.add(name, record)
        else:
            self._buffer.append((name, record))

    def holds(self, moment: datetime) -> bool:
        return self.low <= moment < self.high

    def writer(self, table: Table) -> TableWriter:
        return self._writers[id(table)]

    def row(self, table: Table, row: Row, texts: dict[str, Text] | None = None, defects: bool = True) -> int:
        """Write a good row, record the identifiers of its texts, and plant a defect behind it when one is due."""
        writer = self._writers[id(table)]
        line = writer.write(row)
        if texts:
            self._record(table, row[0], line, texts)
        if defects and self.planter.due(table):
            accepted = self.planter.plant(writer, row)
            if accepted is not None and texts:
                self._record(table, accepted[0][0], accepted[1], texts)
        return line

    def _record(self, table: Table, record_key: str, line: int, texts: dict[str, Text]) -> None:
        for field, text in texts.items():
            if not len(text):
                continue
            self.note_down(
                "spans",
                {
                    "source": table.source,
                    "table": table.name,
                    "delivery": self.name,
                    "line": line,
                    "field": field,
                    "record_key": record_key,
                    "spans": [{"start": s.start, "end": s.end, "type": s.type, "text": s.text} for s in text.spans],
                },
            )

    def plant_note_canary(self, text: Text, where: str) -> None:
        """Append the next note canary's sentence to the text, if one is left."""
        if self.next_note_canary < len(canaries.NOTE_CANARIES):
            sentence, record = canaries.sentence(self.next_note_canary)
            text.add("\n").add(sentence)
            self.note_down("canaries", {**record, "where": where})
            self.next_note_canary += 1

    def finish(self) -> dict[str, int]:
        """Close all files under their own names; return the rows of each."""
        for name, record in self._buffer or ():
            self.key.add(name, record)
        self._buffer = None
        counts = {}
        for table in tables.TABLES:
            writer = self._writers[id(table)]
            writer.finish()
            counts[f"{table.source}/{table.file}"] = writer.rows
        return counts

    def abandon(self) -> None:
        for writer in self._writers.values():
            writer.abandon()
