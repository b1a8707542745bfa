"""The hunter against a plain search: nothing missed, nothing invented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.verify import hunting
from governance.verify.hunting import Guard, Hunter, Needle

SMALL_WINDOW = 64


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hunting, "WINDOW", SMALL_WINDOW)


def found(needles: list[Needle], *pieces: bytes) -> set[tuple[int, int]]:
    hits = [(hit.needle.value, hit.offset) for hit in Hunter(needles).hunt(pieces)]
    assert len(hits) == len(set(hits)), "an occurrence was reported twice"
    return set(hits)


def plainly(patterns: list[bytes], data: bytes) -> set[tuple[int, int]]:
    return {
        (index, match.start())
        for index, pattern in enumerate(patterns)
        for match in re.finditer(b"(?=" + re.escape(pattern) + b")", data)
    }


def test_no_needles_find_nothing_and_read_all() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"first"
        yield b"second"
        consumed.append(True)

    consumed: list[bool] = []
    assert list(Hunter([]).hunt(pieces())) == []
    assert consumed


def test_a_needle_that_cannot_be_told_from_chance_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 6"):
        Hunter([Needle(b"short", Guard.NOTHING, 0)])


def test_a_needle_of_zero_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="zero bytes"):
        Hunter([Needle(b"\0" * 8, Guard.NOTHING, 0)])


def test_repr_of_a_needle_shows_no_content() -> None:
    assert "13800138000" not in repr(Needle(b"13800138000", Guard.NO_DIGIT, 0))


@settings(max_examples=300, deadline=None)
@given(
    patterns=st.lists(st.binary(min_size=6, max_size=20).filter(any), min_size=1, max_size=6, unique=True),
    noise=st.lists(st.binary(max_size=90), min_size=1, max_size=6),
    cuts=st.lists(st.integers(0, 400), max_size=4),
    data=st.data(),
)
def test_every_occurrence_is_found_wherever_it_stands(
    patterns: list[bytes], noise: list[bytes], cuts: list[int], data: st.DataObject
) -> None:
    text = b"".join(part + data.draw(st.sampled_from([*patterns, b""])) for part in noise)
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[a:b] for a, b in pairwise(edges)]
    needles = [Needle(pattern, Guard.NOTHING, index) for index, pattern in enumerate(patterns)]
    assert found(needles, *pieces) == plainly(patterns, text)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="01 王", max_size=300))
def test_dense_data_is_searched_as_well(text: str) -> None:
    patterns = [b"010101", "王王".encode(), b"0000000000"]
    needles = [Needle(pattern, Guard.NOTHING, index) for index, pattern in enumerate(patterns)]
    assert found(needles, text.encode()) == plainly(patterns, text.encode())


@pytest.mark.parametrize("offset", range(60, 70))
def test_an_occurrence_across_two_windows_is_found_once(offset: int) -> None:
    data = b"x" * offset + b"13800138000" + b"y" * 200
    assert found([Needle(b"13800138000", Guard.NO_DIGIT, 7)], data) == {(7, offset)}


@pytest.mark.parametrize(
    ("before", "behind", "counts"), [(b"", b"", True), (b"n", b",", True), (b"9", b"", False), (b"", b"9", False)]
)
def test_a_part_of_a_longer_number_does_not_count(before: bytes, behind: bytes, counts: bool) -> None:
    for padding in range(55, 70):  # the neighbour may stand in another window
        data = b"." * padding + before + b"13800138000" + behind + b"." * 80
        data = data.removeprefix(b".") if padding % 2 else data
        assert bool(found([Needle(b"13800138000", Guard.NO_DIGIT, 0)], data)) is counts


@pytest.mark.parametrize(
    ("data", "counts"),
    [
        ("高明", True),
        ("a\x1f高明\x1fb", True),
        ('x\n"高明"\x1f', True),
        ("升高明显", False),
        ("高明\x1f", True),
        ("1高明", False),
    ],
)
def test_a_cell_counts_only_as_a_whole_value(data: str, counts: bool) -> None:
    assert bool(found([Needle("高明".encode(), Guard.CELL, 0)], data.encode())) is counts
