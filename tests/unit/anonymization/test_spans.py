"""Overlaps: everything found stays covered, nothing overlaps, known wins."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.spans import Candidate, resolve

TEXT = "患者王建国电话12345678"


def test_no_candidates_give_no_spans() -> None:
    assert resolve([], TEXT) == []


def test_a_known_identifier_wins_over_a_longer_find() -> None:
    spans = resolve([Candidate("ADDRESS", 0, 5, 0.9, "a"), Candidate("PERSON", 2, 5, 1.0, "known", True)], TEXT)
    assert [(s.entity, s.start, s.end) for s in spans] == [("ADDRESS", 0, 2), ("PERSON", 2, 5)]


def test_a_longer_name_than_the_known_one_is_taken_whole() -> None:
    spans = resolve([Candidate("PERSON", 2, 4, 1.0, "known", True), Candidate("PERSON", 2, 5, 0.8, "p")], TEXT)
    assert [(s.start, s.end) for s in spans] == [(2, 5)]


def test_the_longer_of_two_finds_wins() -> None:
    spans = resolve([Candidate("DATE", 7, 15, 0.6, "d"), Candidate("PHONE", 7, 13, 0.9, "p")], TEXT)
    assert [s.entity for s in spans] == ["DATE"]


def test_an_address_that_ran_into_a_name_goes_around_it() -> None:
    text = "乱石沟村晏国富一家三口"
    found = [Candidate("ADDRESS", 0, 11, 0.8, "a"), Candidate("PERSON", 4, 7, 0.65, "p")]
    assert [(s.entity, s.start, s.end) for s in resolve(found, text)] == [("ADDRESS", 0, 4), ("PERSON", 4, 7)]


@pytest.mark.parametrize(
    ("before", "role", "after"),
    [
        ("榕荫县", "县长", "在灾难中"),
        ("金桂镇", "农民", "驾驶汽车"),
        ("橘井县西村", "女青年", "准备"),
        ("甲乙公司", "总经理", "告诉记者"),
    ],
)
def test_what_somebody_is_and_does_beside_an_address_stays(before: str, role: str, after: str) -> None:
    text = f"{before}{role}晏国富{after}"
    start = len(before + role)
    found = [Candidate("ADDRESS", 0, len(text), 0.8, "a"), Candidate("PERSON", start, start + 3, 0.65, "p")]
    spans = [(s.entity, text[s.start : s.end]) for s in resolve(found, text)]
    assert spans == [("ADDRESS", before), ("PERSON", "晏国富")]


@pytest.mark.parametrize("rest", ["转3号楼", "转向阳花园", "转东方名苑", "转金色里坊", "转过去是大湖"])
def test_an_address_goes_on_behind_a_name_where_a_place_follows(rest: str) -> None:
    text = f"金桂镇晏国富{rest}"
    found = [Candidate("ADDRESS", 0, len(text), 0.8, "a"), Candidate("PERSON", 3, 6, 0.65, "p")]
    spans = [(s.entity, s.start, s.end) for s in resolve(found, text)]
    assert spans[:2] == [("ADDRESS", 0, 3), ("PERSON", 3, 6)]
    assert spans[2:] == [("ADDRESS", 6, len(text))]


def test_a_name_in_the_name_of_a_place_stays_part_of_it() -> None:
    text = "诸暨市晏国富路12号"
    found = [Candidate("ADDRESS", 0, 10, 0.8, "a"), Candidate("PERSON", 3, 6, 0.65, "p")]
    assert [(s.entity, s.start, s.end) for s in resolve(found, text)] == [("ADDRESS", 0, 10)]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 14), st.integers(1, 8), st.sampled_from(["PERSON", "DATE", "PHONE"])), max_size=8)
)
def test_spans_do_not_overlap_and_cover_every_find(drawn: list[tuple[int, int, str]]) -> None:
    candidates = [Candidate(kind, start, min(15, start + length), 0.8, "x") for start, length, kind in drawn]
    spans = resolve(candidates, TEXT)
    covered = [position for span in spans for position in range(span.start, span.end)]
    assert len(covered) == len(set(covered))
    assert set(covered) == {position for c in candidates for position in range(c.start, c.end)}
