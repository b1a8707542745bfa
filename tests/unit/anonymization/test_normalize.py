"""NFKC with offsets: what changes length still maps back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.normalize import normalize


def test_empty_text_stays_empty() -> None:
    assert normalize("") == ""


def test_invisible_characters_vanish_and_the_span_covers_them() -> None:
    text = "电话154\u200b1234\u200b5678。"
    folded = normalize(text)
    start = folded.index("15412345678")
    first, last = folded.original_span(start, start + 11)
    assert text[first:last] == "154\u200b1234\u200b5678"


def test_a_folded_character_of_many_maps_to_its_original() -> None:
    text = "①㎡½后"
    folded = normalize(text)
    at = folded.index("后")
    assert folded.original_span(at, at + 1) == (3, 4)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_every_span_maps_inside_the_text(text: str) -> None:
    folded = normalize(text)
    for start in range(len(folded)):
        first, last = folded.original_span(start, start + 1)
        assert 0 <= first < last <= len(text)
