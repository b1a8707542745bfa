"""CSV files as hospitals deliver them: every row is read or refused with its physical line, none is lost or guessed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.collection.reading import is_trimmed
from governance.errors import CollectionError

Read = Callable[..., Any]
HEADER = b"A,B,C\n"


def test_an_empty_file_is_refused(read: Read) -> None:
    with pytest.raises(CollectionError, match=r"clinic/d/table\.csv \(clinic\.table\): the file is empty"):
        read(b"")


def test_a_file_of_a_byte_order_mark_alone_is_refused(read: Read) -> None:
    with pytest.raises(CollectionError, match="the file is empty"):
        read(b"\xef\xbb\xbf")


def test_a_header_alone_has_no_rows(read: Read) -> None:
    assert read(HEADER).batches == []


def test_a_header_without_its_newline_has_no_rows(read: Read) -> None:
    assert read(b"A,B,C").batches == []


def test_blank_lines_alone_are_no_rows(read: Read) -> None:
    assert read(HEADER + b"\n\r\n  \n").rows == {}


def test_the_first_row_is_line_two(read: Read) -> None:
    assert read(HEADER + b"1,2,3\n").rows == {2: {"a": "1", "b": "2", "c": "3"}}


def test_the_last_line_needs_no_newline(read: Read) -> None:
    assert list(read(HEADER + b"1,2,3\n4,5,6").rows) == [2, 3]


def test_crlf_is_no_part_of_a_value(read: Read) -> None:
    assert read(b"A,B,C\r\n1,2,3\r\n4,5,6\r\n").rows[3]["c"] == "6"


def test_a_byte_order_mark_is_no_part_of_the_header(read: Read) -> None:
    assert read(b"\xef\xbb\xbf" + HEADER + b"1,2,3\n", encoding="utf-8-sig").rows[2]["a"] == "1"


def test_blank_lines_between_rows_keep_the_numbering(read: Read) -> None:
    assert list(read(HEADER + b"1,2,3\n\n   \n4,5,6\n").rows) == [2, 5]


def test_an_empty_value_is_null_quoted_or_not(read: Read) -> None:
    assert read(HEADER + b'1,,""\n').rows[2] == {"a": "1", "b": None, "c": None}


def test_values_are_trimmed(read: Read) -> None:
    assert read(HEADER + "1, x ,\u3000\n".encode()).rows[2] == {"a": "1", "b": "x", "c": None}


@pytest.mark.parametrize(
    "space", [*" \t\v\f", "\x85", "\xa0", "\u1680", "\u2003", "\u2028", "\u202f", "\u205f", "\u3000"]
)
@pytest.mark.parametrize("row", ["{}1,2,3", "1,{}2,3", "1,2{},3", "1,2,3{}"])
def test_values_are_trimmed_of_any_white_space_at_any_place(read: Read, space: str, row: str) -> None:
    found = read(HEADER + f"4,5,6\n{row.format(space)}\n7,8,9".encode())
    assert found.rows[3] == {"a": "1", "b": "2", "c": "3"}


def test_white_space_in_a_long_file_is_found_wherever_it_stands(read: Read) -> None:
    lines = ["1,2 2,3"] * 40_000
    assert is_trimmed("\n".join(lines).encode(), ",")
    lines[-2] = "1,2 2 ,3"
    assert read(HEADER + "\n".join(lines).encode(), batch_rows=50_000).rows[40_000]["b"] == "2 2"


def test_a_row_is_refused_by_its_line_beyond_the_first_part_that_is_parsed(read: Read) -> None:
    lines = ["1,2,3"] * 400_000
    lines[5], lines[399_990] = "1", "1,2,3,4"
    found = read(HEADER + "\n".join(lines).encode(), batch_rows=500_000)
    assert found.refused == {7: "field_count", 399_992: "field_count"}


def test_a_line_may_be_longer_than_a_part(read: Read) -> None:
    long = "中" * 700_000
    assert read(HEADER + f"1,2,3\n1,{long},3\n4,5,6".encode()).rows[3]["b"] == long


@pytest.mark.parametrize(
    ("content", "delimiter", "plain"),
    [("1,2,3\n", ",", True), ('1,"2",3\n', ",", False), ("1,2,3\r\n", ",", False), ("1|2,2|3\n", "|", False)],
)
def test_a_batch_is_plain_only_when_no_value_can_need_quotes(
    read: Read, content: str, delimiter: str, plain: bool
) -> None:
    found = read(f"A{delimiter}B{delimiter}C\n{content}".encode(), delimiter=delimiter)
    assert [batch.plain for batch in found.batches] == [plain]


def test_a_row_with_too_few_or_too_many_fields_is_refused_by_line(read: Read) -> None:
    found = read(HEADER + b"1,2\n1,2,3\n1,2,3,4\n")
    assert (list(found.rows), found.refused) == ([3], {2: "field_count", 4: "field_count"})


def test_a_refused_row_keeps_its_bytes(read: Read) -> None:
    assert read(HEADER + b"1,2,3\r\n1,2\r\n").raw[3] == b"1,2"


def test_a_quoted_field_spans_lines_and_the_next_row_keeps_its_number(read: Read) -> None:
    found = read(HEADER + b'1,"x\ny\nz",3\n4,5,6\n')
    assert found.rows == {2: {"a": "1", "b": "x\ny\nz", "c": "3"}, 5: {"a": "4", "b": "5", "c": "6"}}


def test_blank_lines_within_a_quoted_field_stay(read: Read) -> None:
    assert read(HEADER + b'1,"x\n\ny",3\n').rows[2]["b"] == "x\n\ny"


def test_crlf_within_a_quoted_field_is_read_as_lf(read: Read) -> None:
    assert read(b'A,B,C\r\n1,"x\r\ny",3\r\n').rows[2]["b"] == "x\ny"


def test_an_unclosed_quote_does_not_swallow_its_neighbours(read: Read) -> None:
    found = read(HEADER + b'1,"x,3\n4,5,6\n7,"8",9\n')
    assert (list(found.rows), found.refused) == ([3, 4], {2: "unclosed_quote"})


def test_an_unclosed_quote_before_a_multi_line_row_does_not_swallow_it(read: Read) -> None:
    found = read(HEADER + b'1,"x,3\n7,"8\n8",9\n4,5,6\n')
    assert (list(found.rows), found.refused) == ([3, 5], {2: "unclosed_quote"})


def test_two_stray_quotes_far_apart_lose_no_row_between(read: Read) -> None:
    found = read(HEADER + b'1,6" pipe,3\n4,5,6\n7,8,9\n1,7" pipe,3\n')
    assert list(found.rows) == [2, 3, 4, 5]


def test_a_stray_and_an_opening_quote_on_one_line_lose_no_row(read: Read) -> None:
    found = read(HEADER + b'1,a"b,"c\n4,5,6\n7,"8",9\n')
    assert (list(found.rows), list(found.refused)) == ([3, 4], [2])


def test_a_quote_that_closes_within_a_value_is_refused_whatever_its_neighbours(read: Read) -> None:
    alone, beside = read(HEADER + b'1,"a"b,3\n'), read(HEADER + b'1,"a"b,3\n4,"x\ny",6\n')
    assert (alone.refused, beside.refused) == ({2: "unclosed_quote"}, {2: "unclosed_quote"})


def test_a_quote_that_never_closes_in_a_long_file_costs_one_row(read: Read) -> None:
    rows = b"".join(b"%d,x,y\n" % number for number in range(2000))
    found = read(HEADER + b'0,"x,y\n' + rows)
    assert (len(found.rows), found.refused) == (2000, {2: "unclosed_quote"})


def test_a_carriage_return_within_a_line_is_refused_not_split(read: Read) -> None:
    found = read(HEADER + b"1,2,3\r4,5,6\n7,8,9\n")
    assert (list(found.rows), found.refused) == ([3], {2: "line_break"})


def test_a_carriage_return_within_quotes_is_a_character(read: Read) -> None:
    assert read(HEADER + b'1,"x\ry",3\n4,5,6\n').rows[2]["b"] == "x\ry"


def test_a_nul_character_is_refused_in_plain_and_in_multi_line_rows(read: Read) -> None:
    found = read(HEADER + b'1,\0,3\n4,5,6\n7,"\0\n8",9\n')
    assert (list(found.rows), found.refused) == ([3], {2: "control_character", 4: "control_character"})


def test_a_nul_character_is_refused_in_a_file_of_plain_rows(read: Read) -> None:
    assert read(HEADER + b"1,\0,3\n4,5,6\n").refused == {2: "control_character"}


def test_broken_bytes_are_refused_by_line(read: Read) -> None:
    found = read("A,B,C\n1,张三,3\n".encode("gb18030") + b"4,\xff\xfe,6\n7,8,9\n", encoding="gb18030")
    assert (found.rows[2]["b"], list(found.rows), found.refused) == ("张三", [2, 4], {3: "encoding"})


def test_broken_bytes_within_a_quoted_field_refuse_the_whole_row(read: Read) -> None:
    found = read(HEADER + '1,"甲\n'.encode() + b"\xff\xff\n" + '乙",3\n4,5,6\n'.encode())
    assert (list(found.rows), found.refused) == ([5], {2: "encoding"})


def test_a_row_cut_inside_a_multi_line_text_is_one_refused_row(read: Read) -> None:
    found = read(HEADER + b'1,"x\ny",3\n2,"first part\nsecond part\n4,"u\nv",6\n')
    assert (list(found.rows), list(found.refused)) == ([2, 6], [4])


def test_lines_that_no_quote_holds_together_are_refused_one_by_one(read: Read) -> None:
    found = read(HEADER + b'1,"x\ny",3\n2,first part\nsecond part\n4,"u\nv",6\n')
    assert (list(found.rows), found.refused) == ([2, 6], {4: "field_count", 5: "field_count"})


def test_a_utf8_file_under_a_gb18030_contract_is_refused_with_both_names(read: Read) -> None:
    with pytest.raises(CollectionError, match="the file is UTF-8, the contract says gb18030"):
        read("A,B,C\n1,张三,3\n".encode(), encoding="gb18030")


def test_a_chinese_header_in_utf8_under_a_gb18030_contract_is_refused_by_its_encoding(read: Read) -> None:
    with pytest.raises(CollectionError, match="the file is UTF-8, the contract says gb18030"):
        read("姓名,B,C\n".encode(), encoding="gb18030")


def test_a_few_words_of_gb18030_that_could_be_utf8_are_read(read: Read) -> None:
    assert "女".encode("gb18030").decode("utf-8")  # valid UTF-8 by chance
    assert read("A,B,C\n1,女,3\n".encode("gb18030"), encoding="gb18030").rows[2]["b"] == "女"


def test_a_gb18030_file_under_a_utf8_contract_is_refused(read: Read) -> None:
    rows = "".join(f"{number},张三,某某\n" for number in range(10))
    with pytest.raises(CollectionError, match="are not utf-8; the export's encoding is wrong"):
        read(f"A,B,C\n{rows}".encode("gb18030"))


def test_a_chinese_header_in_gb18030_under_a_utf8_contract_is_refused(read: Read) -> None:
    with pytest.raises(CollectionError, match="the header is not utf-8"):
        read("姓名,B,C\n".encode("gb18030"))


def test_a_utf16_file_is_refused(read: Read) -> None:
    with pytest.raises(CollectionError, match="the header is not utf-8"):
        read("A,B,C\n1,2,3\n".encode("utf-16"))


def test_unknown_columns_are_dropped_and_named(read: Read) -> None:
    found = read(b"A,X,B,C,Y\n1,9,2,3,9\n")
    assert (found.rows[2], found.warnings) == ({"a": "1", "b": "2", "c": "3"}, ["unknown columns dropped: X, Y"])


def test_columns_are_found_by_name_not_by_place(read: Read) -> None:
    assert read(b"C,B,A\n3,2,1\n").rows[2] == {"a": "1", "b": "2", "c": "3"}


def test_a_missing_optional_column_is_null_and_named(read: Read) -> None:
    found = read(b"A,B\n1,2\n")
    assert (found.rows[2]["c"], found.warnings) == (None, ["missing optional columns: C"])


def test_a_missing_required_column_refuses_the_file_and_names_it(read: Read) -> None:
    with pytest.raises(CollectionError, match="lacks the required columns A; check the delimiter"):
        read(b"B,C\n1,2\n")


def test_a_doubled_header_refuses_the_file(read: Read) -> None:
    with pytest.raises(CollectionError, match="columns stand twice in the header: B"):
        read(b"A,B,B,C\n1,2,3,4\n")


def test_another_delimiter_than_the_contracts_is_refused(read: Read) -> None:
    with pytest.raises(CollectionError, match="check the delimiter"):
        read(b"A;B;C\n1;2;3\n")


def test_the_contracts_delimiter_splits(read: Read) -> None:
    assert read(b'A|B|C\n1|"x|y"|3,4\n', delimiter="|").rows[2] == {"a": "1", "b": "x|y", "c": "3,4"}


def test_a_batch_holds_no_more_rows_than_asked(read: Read) -> None:
    found = read(HEADER + b"1,2,3\n" * 25, batch_rows=10)
    assert [(b.first_line, b.rows_in) for b in found.batches] == [(2, 10), (12, 10), (22, 5)]


def test_a_batch_never_ends_within_a_quoted_field(read: Read) -> None:
    found = read(HEADER + b'1,"x\ny",3\n' * 7, batch_rows=3)
    assert (list(found.rows), found.refused) == ([2, 4, 6, 8, 10, 12, 14], {})


def test_a_stray_quote_before_the_end_of_a_batch_breaks_no_later_row(read: Read) -> None:
    found = read(HEADER + b'1,6" pipe,3\n' + b'4,"x\ny",6\n' * 4, batch_rows=4)
    assert (list(found.rows), found.refused) == ([2, 3, 5, 7, 9], {})


def test_equal_rows_under_another_header_are_other_content(read: Read) -> None:
    hashes = {read(header + b"1,2,3\n").batches[0].content_hash for header in (b"A,B,C\n", b"A,C,B\n")}
    assert len(hashes) == 2


def test_the_file_does_not_have_to_fit_into_one_block(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("governance.collection.reading._BLOCK", 7)
    found = read(HEADER + b'1,"x\ny",3\n4,5,6\n' * 20, batch_rows=5)
    assert list(found.rows) == [line for start in range(2, 62, 3) for line in (start, start + 2)]


_VALUES = st.text(st.sampled_from(list("ab1,\"|\n\r '\\;中文\t.")), max_size=8)
_HOSTILE = st.sampled_from([b"1,2,3", b'1,"x', b'y",3', b'"', b"", b"1,2", b'a"b,c,d', b"\xff,1,2", b"1,\r,2"])
_QUOTING = st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC])


def _normal(value: str) -> str | None:
    """What the reader says of a written value: line ends as LF, trimmed, empty as null."""
    return re.sub(r"\r*\n", "\n", value).strip() or None


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.tuples(_VALUES, _VALUES, _VALUES), max_size=12),
    quoting=_QUOTING,
    newline=st.sampled_from(["\n", "\r\n"]),
    delimiter=st.sampled_from([",", "|", "\t"]),
    encoding=st.sampled_from(["utf-8", "gb18030"]),
    batch_rows=st.integers(1, 6),
)
def test_whatever_a_csv_writer_writes_is_read_back_with_its_lines(
    read: Read, rows: list[tuple[str, ...]], quoting: Any, newline: str, delimiter: str, encoding: str, batch_rows: int
) -> None:
    buffer = io.StringIO(newline="")
    buffer.write(delimiter.join("ABC") + newline)
    writer = csv.writer(buffer, quoting=quoting, lineterminator=newline, delimiter=delimiter)
    expected: dict[int, list[str | None]] = {}
    for given_row in rows:
        row = given_row
        if quoting == csv.QUOTE_MINIMAL and newline == "\n":
            row = tuple(value.replace("\r", "") for value in row)  # Python's own writer leaves a CR unquoted here
        line = buffer.getvalue().count("\n") + 1
        writer.writerow(row)
        if buffer.getvalue().split("\n", line - 1)[-1].strip():  # a row that is written as blanks alone is no row
            expected[line] = [_normal(value) for value in row]
    content = buffer.getvalue().encode(encoding)
    found = read(content, batch_rows=batch_rows, delimiter=delimiter, encoding=encoding)
    assert {line: list(row.values()) for line, row in found.rows.items()} == expected
    assert found.refused == {}


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(body=st.lists(_HOSTILE, max_size=14), batch_rows=st.integers(1, 5))
def test_every_line_of_a_hostile_file_belongs_to_exactly_one_row(
    read: Read, body: list[bytes], batch_rows: int
) -> None:
    found = read(HEADER + b"\n".join(body), batch_rows=batch_rows)
    covered = sorted(n for start, raw in found.raw.items() for n in range(start, start + raw.count(b"\n") + 1))
    blank = {number for number, line in enumerate(body, 2) if not line.strip()}
    assert len(covered) == len(set(covered))
    assert set(covered) | blank == set(range(2, 2 + len(body))) | blank
    assert sum(b.rows_in for b in found.batches) == len(found.rows) + len(found.refused)
