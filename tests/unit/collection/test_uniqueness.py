"""Primary keys seen before: the same verdict as a set of tuples, whatever the size and the batches."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.collection import uniqueness
from governance.collection.uniqueness import SeenKeys

Key = tuple[str | None, str | None]
_PART = st.one_of(st.none(), st.sampled_from(["", "a", "b", "ab", "\x1f", "张"]))
BATCHES = st.lists(st.lists(st.tuples(_PART, _PART), max_size=10), max_size=6)


def frame(keys: list[Key]) -> pl.DataFrame:
    return pl.DataFrame(keys, schema={"a": pl.String, "b": pl.String}, orient="row")


def by_set(batches: list[list[Key]]) -> list[list[bool]]:
    seen: set[Key] = set()
    verdicts = []
    for batch in batches:
        verdicts.append([None not in key and (key in seen or bool(seen.add(key))) for key in batch])
    return verdicts


def test_no_keys_are_not_doubled() -> None:
    assert SeenKeys().doubled(frame([])).tolist() == []


def test_a_key_with_a_null_is_never_doubled() -> None:
    assert SeenKeys().doubled(frame([("a", None), ("a", None), (None, None)])).tolist() == [False, False, False]


@settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(batches=BATCHES)
def test_the_verdict_is_that_of_a_set(batches: list[list[Key]]) -> None:
    seen = SeenKeys()
    assert [seen.doubled(frame(batch)).tolist() for batch in batches] == by_set(batches)


@settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(batches=BATCHES)
def test_the_verdict_is_the_same_when_keys_leave_memory(
    monkeypatch: pytest.MonkeyPatch, batches: list[list[Key]]
) -> None:
    monkeypatch.setattr(uniqueness, "_IN_MEMORY", 2)
    seen = SeenKeys()
    assert [seen.doubled(frame(batch)).tolist() for batch in batches] == by_set(batches)


def test_a_key_of_long_ago_is_found_among_many() -> None:
    seen = SeenKeys()
    for start in range(0, 50_000, 1000):
        seen.doubled(frame([(str(number), "x") for number in range(start, start + 1000)]))
    assert seen.doubled(frame([("17", "x"), ("50000", "x")])).tolist() == [True, False]
