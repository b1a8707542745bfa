"""Corpora of each form are read; a fault names file and line, never text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from anonymization.evaluation import CorpusError, GoldNote, GoldSpan, read_corpus
from anonymization.evaluation.labels import LabelMap

TEXT = "患者王建国住上海市。"
SPANS = (GoldSpan(2, 5, "PERSON"), GoldSpan(6, 9, "ADDRESS"))
MISPLACED = json.dumps(
    [
        {
            "full_text": "王李",
            "spans": [{"entity_type": "P", "entity_value": "王", "start_position": 1, "end_position": 2}],
        }
    ]
)
BIO = "O O B-PER I-PER I-PER O B-LOC I-LOC I-LOC O"
BMES = "O O B-NAME M-NAME E-NAME O B-LOC M-LOC E-LOC O"
BIOES = "O O B-PER I-PER E-PER O B-LOC I-LOC E-LOC O"


def read(tmp_path: Path, content: str | bytes, form: str | None = None, **labels: str) -> list[GoldNote]:
    file = tmp_path / "corpus"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_corpus(file, LabelMap(labels), form)


def columns(tags: str, separator: str = "\t") -> str:
    return "".join(f"{c}{separator}{t}\n" for c, t in zip(TEXT, tags.split(), strict=True)) + "\n"


@pytest.mark.parametrize("tags", [BIO, BMES, BIOES])
@pytest.mark.parametrize("separator", ["\t", " "])
def test_columns_in_every_scheme(tmp_path: Path, tags: str, separator: str) -> None:
    note, second = read(tmp_path, columns(tags, separator) * 2)
    assert (note.text, note.spans) == (TEXT, SPANS)
    assert second.note_id == "line 12"


def test_neighbouring_spans_and_single_tokens(tmp_path: Path) -> None:
    (note,) = read(tmp_path, "王\tB-PER\n李\tB-PER\n张\tS-PER\n赵\tI-PER\n")
    assert note.spans == (
        GoldSpan(0, 1, "PERSON"),
        GoldSpan(1, 2, "PERSON"),
        GoldSpan(2, 3, "PERSON"),
        GoldSpan(3, 4, "PERSON"),
    )


def test_english_words_are_joined_with_spaces(tmp_path: Path) -> None:
    (note,) = read(tmp_path, "-DOCSTART- -X- O\n\nMary NNP B-PER\nSmith NNP I-PER\nsmiled VBD O\n")
    assert (note.text, note.spans) == ("Mary Smith smiled", (GoldSpan(0, 10, "PERSON"),))


def test_weibo_characters_with_their_place_in_the_word(tmp_path: Path) -> None:
    (note,) = read(tmp_path, "王0\tB-PER.NAM\n建1\tI-PER.NAM\n男0\tB-PER.NOM\n人1\tI-PER.NOM\n")
    assert (note.text, note.spans) == ("王建男人", (GoldSpan(0, 2, "PERSON"),))


def test_a_blank_is_a_token(tmp_path: Path) -> None:
    (note,) = read(tmp_path, "王\tB-PER\n \tO\n李\tB-PER\n")
    assert note.text == "王 李"


@pytest.mark.parametrize(
    "record",
    [
        {"id": 7, "text": TEXT, "spans": [{"start": 2, "end": 5, "type": "PERSON"}, [6, 9, "LOC"]]},
        {"id": 7, "text": TEXT, "entities": [{"start_offset": 2, "end_offset": 5, "label": "name"}, [6, 9, "addr"]]},
        {"id": 7, "text": TEXT, "label": {"name": {"王建国": [[2, 4]]}, "address": {"上海市": [[6, 8]]}}},
    ],
)
def test_json_lines_of_spans(tmp_path: Path, record: dict[str, Any]) -> None:
    (note,) = read(tmp_path, json.dumps(record, ensure_ascii=False) + "\n\n")
    assert note == GoldNote("7", TEXT, SPANS)


@pytest.mark.parametrize("indent", [None, 2])
def test_presidio_research(tmp_path: Path, indent: int | None) -> None:
    span = {"entity_type": "PERSON", "entity_value": "王建国", "start_position": 2, "end_position": 5}
    (note,) = read(tmp_path, json.dumps([{"full_text": TEXT, "spans": [span]}], indent=indent))
    assert note.spans == (GoldSpan(2, 5, "PERSON"),)


def test_labels_are_mapped_and_left_out_ones_counted(tmp_path: Path) -> None:
    labels = LabelMap({"DRUG": "", "PAT": "PERSON"})
    file = tmp_path / "c"
    file.write_text("王\tB-PAT\n药\tB-DRUG\n病\tB-DISEASE\n", encoding="utf-8")
    (note,) = read_corpus(file, labels)
    assert note.spans == (GoldSpan(0, 1, "PERSON"),)
    assert labels.left_out == {"DRUG": 1, "DISEASE": 1}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "no annotated text"),
        ("王\tB-PER\n王建国\n", "line 2: a token and its tag"),
        ("王\tB-PER\n王\tX-PER\n", "line 2: the tag"),
        ("王\tB-PER\n".encode("gb18030") + b"\xff\xff", "line 1: not UTF-8"),
        ('{"text": "x", "spans": []}\n{"text": 王}\n', "line 2: not JSON"),
        ('{"text": "x"}\n', 'line 1: no "spans"'),
        ('{"id": 1, "spans": []}\n', 'line 1: no "text"'),
        ('{"text": "王", "spans": [[0, 2, "PER"]]}\n', "line 1: span 0-2 lies outside"),
        ('{"text": "王", "spans": [[1, 1, "PER"]]}\n', "line 1: span 1-1 lies outside"),
        ('{"text": "王", "spans": [{"start": "0", "end": 1, "type": "PER"}]}\n', "whole numbers"),
        ('{"text": "王", "spans": [{"start": 0, "type": "PER"}]}\n', "lacks start, end or type"),
        ('{"text": "王", "spans": 3}\n', "not a list"),
        (MISPLACED, "record 1: span 1-2 is not where"),
        ('[\n{"full_text": }]', "line 2: not JSON"),
    ],
)  # fmt: skip
def test_a_fault_is_named_by_line_without_text(tmp_path: Path, content: str | bytes, fault: str) -> None:
    with pytest.raises(CorpusError, match="corpus") as caught:
        read(tmp_path, content)
    assert fault in str(caught.value)
    assert "王" not in str(caught.value)
