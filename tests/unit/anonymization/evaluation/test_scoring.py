"""The measure itself is right on cases counted by hand."""

from __future__ import annotations

import pytest

from anonymization.evaluation import GoldNote, GoldSpan, evaluate
from anonymization.evaluation.intervals import clopper_pearson, wilson

NOTE = GoldNote("n1", "患者王建国电话15412345678。", (GoldSpan(2, 5, "PERSON"), GoldSpan(7, 18, "PHONE")))


def test_nothing_to_measure_gives_no_shares() -> None:
    result = evaluate([], lambda _note: [])
    assert result.total.precision is None
    assert result.total.character_recall is None
    assert result.total.recall(result.total.covered) is None
    assert result.total.covered_interval() is None


def test_shares_are_counted_by_hand() -> None:
    result = evaluate([NOTE], lambda _note: [(2, 5, "PERSON"), (7, 12, "PHONE"), (0, 2, "PERSON")])
    assert (result.total.gold, result.total.exact, result.total.overlapped, result.total.covered) == (2, 1, 2, 1)
    assert result.total.leaked_characters == 6
    assert result.total.character_recall == pytest.approx(8 / 14)
    assert result.by_type["PERSON"].false_hits == 1
    assert result.total.precision == pytest.approx(2 / 3)
    assert result.false_hits_per_10000 == pytest.approx(10_000 / 19)
    assert result.missed == [("n1", "PHONE", 7, 18)]


def test_a_type_that_the_corpus_does_not_annotate_covers_but_is_no_false_hit() -> None:
    result = evaluate([NOTE], lambda _note: [(2, 5, "ADDRESS"), (18, 19, "DATE")], judged={"PERSON", "PHONE"})
    assert result.by_type["PERSON"].covered == 1
    assert result.total.false_hits == 0
    assert result.not_judged == {"DATE": 1, "ADDRESS": 0}


def test_the_table_shows_no_text() -> None:
    report = "\n".join(evaluate([NOTE], lambda _note: []).lines())
    assert "王建国" not in report
    assert "15412345678" not in report


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)],
)
def test_wilson_intervals_of_the_literature(count: int, n: int, low: float, high: float) -> None:
    assert wilson(count, n) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.3085),
        (1, 10, 0.0025, 0.4450),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1.0),
        (3, 10_000, 6.187e-5, 8.764e-4),
    ],
)
def test_exact_intervals_of_the_literature(count: int, n: int, low: float, high: float) -> None:
    assert clopper_pearson(count, n) == pytest.approx((low, high), rel=1e-3, abs=1e-4 if n == 10 else 0)


def test_no_trials_have_no_interval() -> None:
    assert wilson(0, 0) is None
    assert clopper_pearson(0, 0) is None
