"""Reviewers' forms: counted right, faults named without text, finds kept as private test cases."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import pytest

from anonymization.encryption import KeyedDigest
from anonymization.evaluation import GoldSpan, read_corpus
from anonymization.evaluation.labels import LabelMap
from governance.deidentification.review import (
    FORM,
    Item,
    ReviewError,
    read_form,
    read_sample,
    tally,
    write_cases,
    write_sample,
)
from governance.deidentification.review_page import review_page

TEXT = "患者许飘杰，父亲李四光，电话【电话】。李四光签字。"
ITEMS = [
    Item(1, 101, "content", "emr.note.content", "1", TEXT, ((2, 5, "PERSON"), (14, 18, "PHONE"))),
    Item(2, 102, "content", "emr.note.content", "1", "腹痛<3天>。", ()),
    Item(3, 103, "findings", "pacs.study.findings", "1", "未见异常。", ()),
]  # fmt: skip
DIGEST = KeyedDigest(bytes(32), "test")


def filled(folder: Path, *rows: tuple[object, ...], encoding: str = "utf-8-sig") -> Path:
    path = folder / "filled.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([FORM, *rows])
    return path


def sample(folder: Path) -> dict[int, Item]:
    return {item.number: item for item in ITEMS}


def test_a_sample_is_private_and_read_back(tmp_path: Path) -> None:
    folder = tmp_path / "review"
    write_sample(folder, ITEMS, "s1", review_page(ITEMS, "s1"))
    assert list(read_sample(folder).values()) == ITEMS
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    with (folder / "form.csv").open(encoding="utf-8-sig", newline="") as lines:
        assert [row["item"] for row in csv.DictReader(lines)] == ["1", "2", "3"]


def test_the_page_stands_alone_and_escapes_its_texts() -> None:
    page = review_page(ITEMS, "s1")
    assert "腹痛&lt;3天&gt;" in page
    assert '<ins title="PERSON">许飘杰</ins>' in page
    assert "http" not in page
    assert "src=" not in page


def test_rates_are_of_what_was_reviewed(tmp_path: Path) -> None:
    form = filled(
        tmp_path,
        (1, "1", "李四光", "", ""),
        (1, "1", "许飘杰", "person", "same"),
        (2, "是", "", "", ""),
        (3, "", "", "", ""),
    )
    result = tally(*read_form(form, sample(tmp_path)))
    assert (result.texts, result.texts_with_residue, result.finds) == (2, 1, {"PERSON": 2})
    assert result.characters == len(ITEMS[0].text) + len(ITEMS[1].text)
    lines = "\n".join(result.lines())
    assert "0.5000 (95% Clopper-Pearson [0.0126, 0.9874])" in lines
    assert "李四光" not in lines


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_forms_saved_by_spreadsheets_are_read(tmp_path: Path, encoding: str) -> None:
    _, finds = read_form(filled(tmp_path, (1, "1", "李四光", "", ""), encoding=encoding), sample(tmp_path))
    assert [find.residual for find in finds] == ["李四光"]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ((9, "1", "", "", ""), "line 2: no such item"),
        (("x", "1", "", "", ""), "line 2: no such item"),
        ((1, "1", "王五", "", ""), "does not stand in item 1"),
        ((1, "1", "李四光", "NOBODY", ""), "unknown type"),
    ],
)
def test_a_wrong_row_is_named_without_its_text(tmp_path: Path, row: tuple[object, ...], fault: str) -> None:
    with pytest.raises(ReviewError, match=fault) as caught:
        read_form(filled(tmp_path, row), sample(tmp_path))
    assert "王五" not in str(caught.value)


def test_a_file_that_is_no_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ReviewError, match="columns"):
        read_form(tmp_path / "x.csv", sample(tmp_path))
    with pytest.raises(ReviewError, match="no sample"):
        read_sample(tmp_path)


def test_finds_become_a_corpus_once(tmp_path: Path) -> None:
    _, finds = read_form(filled(tmp_path, (1, "1", "李四光", "", "")), sample(tmp_path))
    assert write_cases(tmp_path / "cases", finds, DIGEST) == 1
    assert write_cases(tmp_path / "cases", finds, DIGEST) == 0
    path = tmp_path / "cases" / "cases.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (note,) = read_corpus(path, LabelMap())
    assert note.spans == (GoldSpan(2, 5, "PERSON"), GoldSpan(8, 11, "PERSON"), GoldSpan(19, 22, "PERSON"))
    assert "101" not in json.loads(path.read_text("utf-8"))["id"]
