"""Risk on tables counted by hand, and against a naive count."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymization.risk import RiskError, assess, direct_columns

TABLE = pl.DataFrame(
    {
        "sex": ["M", "M", "M", "F", "F", None],
        "year": ["1980", "1980", "1980", "1990", "1990", "1990"],
        "disease": ["a", "b", "a", "c", "c", "d"],
    }
)


def test_classes_are_counted_by_hand() -> None:
    risk = assess(TABLE, ["sex", "year"], sensitive=["disease"], threshold=3)
    assert (risk.rows, risk.classes, risk.k) == (6, 3, 1)
    assert (risk.rows_below, risk.share_below) == (3, 0.5)
    assert risk.diversity == {"disease": 1}
    assert (risk.maximum, risk.average) == (1.0, 0.5)
    assert risk.worst == ((1, 1), (2, 1), (3, 1))


def test_one_class_has_the_table_as_its_size_and_all_values_as_its_diversity() -> None:
    risk = assess(TABLE.with_columns(pl.lit("x").alias("same")), ["same"], sensitive=["disease"])
    assert (risk.k, risk.rows_below, risk.diversity["disease"]) == (6, 0, 4)


def test_no_rows_are_no_risk() -> None:
    risk = assess(TABLE.clear(), ["sex"])
    assert (risk.rows, risk.k, risk.maximum, risk.average, risk.share_below) == (0, 0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("quasi", "direct", "limit", "is_aggregate", "grade"),
    [
        (["sex"], ["disease"], 1.0, False, 1),
        (["sex"], [], 0.5, False, 2),
        (["year"], [], 0.5, False, 3),
        (["sex"], [], 0.5, True, 4),
    ],
)
def test_the_grade(quasi: list[str], direct: list[str], limit: float, is_aggregate: bool, grade: int) -> None:
    assert assess(TABLE, quasi, direct=direct).grade(limit, is_aggregate=is_aggregate) == grade


def test_a_missing_column_is_named() -> None:
    with pytest.raises(RiskError, match="no column birthday"):
        assess(TABLE, ["birthday"])


def test_without_quasi_identifiers_nothing_is_claimed() -> None:
    with pytest.raises(RiskError, match="--quasi"):
        assess(TABLE, [])


def test_direct_identifiers_are_seen_by_their_form() -> None:
    table = pl.DataFrame(
        {
            "who": ["11010519491231002X", None],
            "call": ["13800138000", "x"],
            "mail": ["a@b.cn", "b@c.cn"],
            "card": ["6222021234567890128", "6222021234567890128"],
            "value": ["13.5", "1380013"],
            "row": [123456789012345, 123456789012346],
        }
    )
    assert {"who", "call", "mail"} <= set(direct_columns(table))
    assert not {"value", "row"} & set(direct_columns(table))


@given(
    st.lists(st.tuples(st.sampled_from("MF"), st.sampled_from(["1", "2", None]), st.sampled_from("abc")), min_size=1)
)
def test_k_and_l_equal_a_naive_count(rows: list[tuple[str, str | None, str]]) -> None:
    table = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String, "s": pl.String}, orient="row")
    risk = assess(table, ["a", "b"], sensitive=["s"], threshold=4)
    sizes = Counter((a, b) for a, b, _ in rows)
    assert risk.k == min(sizes.values())
    assert risk.rows_below == sum(size for size in sizes.values() if size < 4)
    assert risk.average == pytest.approx(sum(1 / sizes[a, b] for a, b, _ in rows) / len(rows))
    assert risk.diversity["s"] == min(len({s for a, b, s in rows if (a, b) == key}) for key in sizes)
