"""Laboratory tables of the gate and of the base model agree."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def _rows(path: str) -> list[dict[str, str]]:
    with (PROJECT / path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    return rows


@pytest.fixture(scope="module")
def factors() -> dict[tuple[str, str], float]:
    return {
        (r["test_code"], r["source_unit"]): float(r["factor"]) for r in _rows("dbt_project/seeds/unit_conversion.csv")
    }


def test_each_admitted_unit_has_a_factor(factors: dict[tuple[str, str], float]) -> None:
    tests = {
        r["code"]: r["test_code"] for r in _rows("dbt_project/seeds/lab_test_code.csv") if r["code_system"] == "LIS"
    }
    admitted = {(tests[r["test_code"]], r["unit"]) for r in _rows("include/reference/lab_unit.csv")}
    assert admitted - set(factors) == set()


def test_factor_of_the_own_unit_is_one(factors: dict[tuple[str, str], float]) -> None:
    for row in _rows("dbt_project/seeds/lab_test.csv"):
        if row["unit"]:
            assert factors[(row["test_code"], row["unit"])] == 1, row["test_code"]


def test_plausible_limits_agree_across_units(factors: dict[tuple[str, str], float]) -> None:
    rows = {
        (r["test_code"], r["unit"]): (float(r["low"]), float(r["high"]))
        for r in _rows("include/reference/lab_plausible.csv")
    }
    standard = {r["test_code"]: r["unit"] for r in _rows("dbt_project/seeds/lab_test.csv")}
    for (test, unit), (low, high) in rows.items():
        assert low < high, test
        own = rows[(test, standard[test])]
        assert high * factors[(test, unit)] == pytest.approx(own[1], rel=0.01), (test, unit)


def test_code_sets_have_codes_once() -> None:
    sets = [p for p in (PROJECT / "include" / "reference").glob("*.csv") if not p.name.startswith("lab_")]
    assert sets
    for path in sets:
        codes = [row["code"] for row in _rows(f"include/reference/{path.name}")]
        assert len(codes) == len(set(codes)), path.name
