"""Rows of files, counted line by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.verify.counting import count_rows


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"", 0),
        (b"a,b\n", 0),
        (b"a,b\r\n1,2\r\n3,4", 2),
        (b"a,b\n1,2\n\n   \n3,4\n", 2),
        (b'a,b\n1,"two\nlines"\n3,4\n', 2),
        (b'a,b\n1,"with ""quotes"" and\nlines"\n3,4\n', 2),
        (b'a,b\n1,"never closed\n3,4\n5,6\n', 3),
        (b'a,b\n1,"a\n\xff\xff,x\nb"\n3,4\n', 2),  # a row with bytes that do not decode is refused whole
        (b'a,b,c\n1,"x\n1,"two\nlines",3\n4,"five\nsix",7\n', 3),  # a truncated row does not swallow its neighbours
        (b'a,b,c\n1,"x\ny\nz\n4,5,6\n', 2),  # its own loose lines belong to it
        (b'a,b\n1,2,3\n"x\ny",4\n', 2),  # too many fields
        (b'a,b\n1,"\n' + b"x,y\n" * 2_500, 2_501),
    ],
)
def test_rows_of_a_csv_file(tmp_path: Path, content: bytes, rows: int) -> None:
    file = tmp_path / "file.csv"
    file.write_bytes(content)
    assert count_rows(file, "csv", "utf-8-sig") == rows


def test_gb18030_bytes_are_not_taken_for_quotes(tmp_path: Path) -> None:
    file = tmp_path / "file.csv"
    file.write_bytes("编号,姓名\r\n1,镕\r\n2,㐀\r\n".encode("gb18030"))
    assert count_rows(file, "csv", "gb18030") == 2


def test_rows_of_a_ndjson_file(tmp_path: Path) -> None:
    file = tmp_path / "notes.ndjson"
    file.write_bytes(b'{"a": "\\""}\n\n{"broken\n')
    assert count_rows(file, "ndjson", "utf-8") == 2
