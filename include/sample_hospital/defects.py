"""Planted defects. Each is an extra row, copied from a good one under a key of its own and damaged in one way, so that
it breaks its rule and nothing else, and so that rejecting it orphans no other row.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from include.sample_hospital import identifiers, tables
from include.sample_hospital.defect_kinds import KINDS, Change
from include.sample_hospital.tables import Table
from include.sample_hospital.writers import Row, TableWriter, encode_row

_STARTS = {"end_at": "start_at", "stop_at": "start_at", "reported_at": "", "reported_on": "received_on"}
PERIOD = 150  # one defect per so many rows


def suits(table: Table, row: Row, change: Change) -> bool:
    """Return whether this row can carry this defect and no other: some need a filled field or a certain test."""
    kind, field, _ = change
    if kind in ("identity_checksum", "broken_encoding", "amount_mismatch"):
        return bool(row[table.index(field)])
    if kind in ("wrong_unit", "out_of_range") and table is tables.LIS_RESULT:
        return row[table.index("test_code")] in ("WBC", "HGB", "PLT", "ALT", "CREA", "GLU")
    if kind == "unknown_code" and table is tables.HIS_VISIT:
        return not row[
            table.index("admission_no")
        ]  # an admission number on a class that is no stay would be a second fault
    if kind == "unknown_code" and table is tables.FOLLOW_UP_CONTACT:
        return not row[table.index("death_date")]
    return True


def _before(value: str) -> str:
    """Return the same moment twelve years earlier (a leap day stays one), in the same format."""
    return f"{int(value[:4]) - 12}{value[4:]}"


def damage(table: Table, row: Row, change: Change) -> Row:
    """Return a copy of the row with one value made wrong."""
    kind, field, value = change
    cells = list(row)
    position = table.index(field)
    if value == "<checksum>":
        identity, characters = cells[position], identifiers.CHECK_CHARACTERS
        cells[position] = identity[:17] + characters[(characters.index(identity[17]) + 3) % 11]
    elif value == "<before start>":
        start = _STARTS[field] or ("sampled_at" if table is tables.LIS_RESULT else "studied_at")
        cells[position] = _before(cells[table.index(start)])
    elif value == "<amount>":
        cells[position] = f"{float(cells[position]) + 37.5:.2f}"
    elif kind == "out_of_range" and table is tables.LIS_RESULT:
        cells[position] = value
        cells[table.index("value_text")] = value
    else:
        cells[position] = value
    if field == "birth_date" and "resident_id" in table.logical:
        cells[table.index("resident_id")] = (
            ""  # an identity number holds a birth date too: leave one contradiction only
        )
    if kind == "date_in_future" and table is tables.HIS_PATIENT:
        cells[table.index("registered_at")] = cells[table.index("updated_at")] = (
            ""  # so that only the birth is impossible
        )
    return tuple(cells)


def damaged_bytes(table: Table, row: Row, change: Change) -> bytes:
    """Return the bytes of a row whose encoding or length is broken."""
    data = encode_row(table, row)
    kind, field, _ = change
    if kind == "broken_encoding":
        word = row[table.index(field)]
        if table.ndjson:
            word = word.split("\n")[0]
        good = word.encode(table.encoding)
        return (
            data.replace(good, good[: len(good) // 2] + b"\xff\xfe" + good[len(good) // 2 :], 1)
            if good in data
            else data
        )
    if table.ndjson:
        return data.decode(table.encoding)[: len(data.decode(table.encoding)) // 2].encode(table.encoding) + b"\n"
    kept = row[: max(2, len(row) // 2)]
    return (table.delimiter.join(kept) + table.newline).encode(table.encoding)


class DefectPlanter:
    """Adds a defect after every ``PERIOD``-th row of a table, each kind in its turn, and writes it into the answer
    key.
    """

    def __init__(
        self,
        note_down: Callable[[str, dict[str, Any]], None],
        delivery: str,
        ordinal: int,
        rng: Random,
        fresh_key: Callable[[Table, str], str],
    ) -> None:
        self._note_down, self._delivery, self._rng, self._fresh_key = note_down, delivery, rng, fresh_key
        self._turn = {name: (ordinal * 3) % len(kinds) for name, kinds in KINDS.items()}
        self._wait = {name: rng.randrange(10, PERIOD) if ordinal else 12 for name in KINDS}
        self._serial = ordinal * 1_000_000

    def due(self, table: Table) -> bool:
        """Count a good row; return whether a defect is due behind it."""
        name = f"{table.source}.{table.name}"
        self._wait[name] -= 1
        return self._wait[name] <= 0

    def plant(self, writer: TableWriter, row: Row) -> tuple[Row, int] | None:
        """Write a damaged copy of ``row``. Of a duplicate, return the first (good) copy and its line, because it will
        be accepted.
        """
        table = writer.table
        name = f"{table.source}.{table.name}"
        kinds = KINDS[name]
        change = kinds[self._turn[name] % len(kinds)]
        if not suits(table, row, change):
            return None
        self._turn[name] += 1
        self._wait[name] = PERIOD
        self._serial += 1
        copy = (self._fresh_key(table, f"{self._serial:09d}"), *row[1:])
        return self.plant_as(writer, copy, change)

    def plant_as(self, writer: TableWriter, copy: Row, change: Change) -> tuple[Row, int] | None:
        """Write ``copy`` with exactly this damage and record it."""
        table = writer.table
        kind, field, _ = change
        accepted: tuple[Row, int] | None = None
        note = ""
        if kind == "duplicate":
            first = writer.write(copy)
            accepted, note = (copy, first), f"same primary key as line {first}"
            line = writer.write(copy)
        elif kind in ("broken_encoding", "truncated_line"):
            line = writer.write_bytes(damaged_bytes(table, copy, change))
        else:
            line = writer.write(damage(table, copy, change))
        self._note_down(
            "defects",
            {
                "source": table.source,
                "table": table.name,
                "delivery": self._delivery,
                "file": f"{table.source}/{self._delivery}/{table.file}",
                "line": line,
                "rule_kind": kind,
                "field": field,
                "note": note,
            },
        )
        return accepted
