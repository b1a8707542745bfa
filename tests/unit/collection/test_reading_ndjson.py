"""NDJSON files: one object a line, and every line that is none is refused by its number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from governance.errors import CollectionError

Read = Callable[..., Any]


@pytest.fixture
def read_json(read: Read) -> Read:
    def reading(content: bytes, batch_rows: int = 1000) -> Any:
        return read(content, batch_rows=batch_rows, format="ndjson")

    return reading


def test_an_empty_file_has_no_rows(read_json: Read) -> None:
    assert read_json(b"").rows == {}


def test_the_first_object_is_line_one(read_json: Read) -> None:
    assert read_json(b'{"A":"1","B":"2","C":"3"}\n').rows == {1: {"a": "1", "b": "2", "c": "3"}}


def test_a_byte_order_mark_and_crlf_are_no_part_of_an_object(read_json: Read) -> None:
    assert read_json(b'\xef\xbb\xbf{"A":"1"}\r\n{"A":"2"}\r\n').rows[2]["a"] == "2"


def test_blank_lines_keep_the_numbering(read_json: Read) -> None:
    assert list(read_json(b'\n{"A":"1"}\n  \n{"A":"2"}').rows) == [2, 4]


@pytest.mark.parametrize(
    "broken",
    [b'{"A":"2"', b"[1,2]", b'"A"', b"null", b'{"A":"2"} {"A":"3"}', b'{"A":"2","A":"3"}', b"[" * 100_000],
    ids=["cut", "array", "string", "null", "two objects", "doubled key", "deep"],
)
def test_what_is_no_object_is_refused_by_its_line(read_json: Read, broken: bytes) -> None:
    found = read_json(b'{"A":"1"}\n' + broken + b'\n{"A":"3"}\n')
    assert (list(found.rows), found.refused) == ([1, 3], {2: "json"})


def test_broken_bytes_are_refused_by_line(read_json: Read) -> None:
    assert read_json(b'{"A":"1"}\n{"A":"\xff\xfe"}\n').refused == {2: "encoding"}


def test_an_escaped_nul_is_refused(read_json: Read) -> None:
    assert read_json(b'{"A":"1"}\n{"A":"x\\u0000"}\n').refused == {2: "control_character"}


def test_half_a_surrogate_pair_is_refused(read_json: Read) -> None:
    assert read_json(b'{"A":"1"}\n{"A":"\\ud83d"}\n').refused == {2: "encoding"}


def test_a_whole_surrogate_pair_is_one_character(read_json: Read) -> None:
    assert read_json(b'{"A":"\\ud83d\\ude00"}\n').rows[1]["a"] == "😀"


def test_numbers_and_truth_values_become_texts(read_json: Read) -> None:
    assert read_json(b'{"A":1.50,"B":true,"C":null}\n').rows[1] == {"a": "1.5", "b": "true", "c": None}


def test_a_nested_value_stays_whole_as_json(read_json: Read) -> None:
    assert read_json('{"A":"1","B":{"名":["x"]}}\n'.encode()).rows[1]["b"] == '{"名": ["x"]}'


def test_line_breaks_in_a_text_stay(read_json: Read) -> None:
    assert read_json(b'{"A":"x\\r\\ny"}\n').rows[1]["a"] == "x\r\ny"


def test_an_object_without_a_required_key_is_a_row_for_the_gate(read_json: Read) -> None:
    assert read_json(b'{"A":"1"}\n{"B":"2"}\n').rows[2] == {"a": None, "b": "2", "c": None}


def test_a_required_key_that_no_object_has_refuses_the_file(read_json: Read) -> None:
    with pytest.raises(CollectionError, match="no object of the first batch lacks the required columns A"):
        read_json(b'{"B":"2"}\n')


def test_unknown_keys_of_later_batches_are_named_too(read_json: Read) -> None:
    found = read_json(b'{"A":"1","X":0}\n' * 3 + b'{"A":"1","X":0,"Y":0}\n', batch_rows=2)
    assert [w for w in found.warnings if "unknown" in w] == ["unknown columns dropped: X", "unknown columns dropped: Y"]


def test_a_batch_holds_no_more_rows_than_asked(read_json: Read) -> None:
    found = read_json(b'{"A":"1"}\n' * 5, batch_rows=2)
    assert [(b.first_line, b.rows_in) for b in found.batches] == [(1, 2), (3, 2), (5, 1)]
