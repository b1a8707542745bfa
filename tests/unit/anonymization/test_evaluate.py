"""The measure itself is right on cases counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anonymization.evaluate import GoldNote, GoldSpan, evaluate, read_jsonl

NOTE = GoldNote("n1", "患者王建国电话15412345678。", (GoldSpan(2, 5, "PERSON"), GoldSpan(7, 18, "PHONE")))


def test_nothing_to_measure_gives_no_shares() -> None:
    result = evaluate([], lambda _note: [])
    assert result.total.precision is None
    assert result.total.recall(result.total.covered) is None
    assert result.total.covered_interval() is None


def test_shares_are_counted_by_hand() -> None:
    result = evaluate([NOTE], lambda _note: [(2, 5, "PERSON"), (7, 12, "PHONE"), (0, 2, "PERSON")])
    assert (result.total.gold, result.total.exact, result.total.overlapped, result.total.covered) == (2, 1, 2, 1)
    assert result.total.leaked_characters == 6
    assert result.by_type["PERSON"].false_hits == 1
    assert result.total.precision == pytest.approx(2 / 3)
    assert result.missed == [("n1", "PHONE", 7, 18)]


def test_the_report_shows_no_text() -> None:
    report = "\n".join(evaluate([NOTE], lambda _note: []).lines())
    assert "王建国" not in report
    assert "15412345678" not in report


def test_jsonl_is_read(tmp_path: Path) -> None:
    record = {"id": 7, "text": NOTE.text, "spans": [{"start": 2, "end": 5, "type": "PERSON"}]}
    file = tmp_path / "gold.jsonl"
    file.write_text(json.dumps(record, ensure_ascii=False) + "\n\n", encoding="utf-8")
    assert [(note.note_id, note.spans) for note in read_jsonl(file)] == [("7", (GoldSpan(2, 5, "PERSON"),))]
