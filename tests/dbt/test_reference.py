"""Laboratory tables of the gate and of the base model agree."""

from __future__ import annotations

import csv
import re
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


def test_patterns_of_restricted_terms_mean_the_same_to_postgresql_and_python() -> None:
    rows = _rows("dbt_project/seeds/publish/restricted_term.csv")
    assert not [row["pattern"] for row in rows if "\\" in row["pattern"]]  # \m and \b fail beside a Han character
    reveals = re.compile("|".join(row["pattern"] for row in rows), re.IGNORECASE)
    revealing = (
        "查HIV抗体 艾滋病初筛 AIDS 梅毒螺旋体抗体 TRUST滴度 双相情感障碍 Schizophrenia 癫痫所致精神障碍 既往性病史 性病"
    )
    ordinary = "trusted 双相增强扫描 双极电凝 癫痫 抑郁发作 精神可 智力正常 奥氮平 慢性病容 否认慢性病史 良性病变"
    assert [name for name in revealing.split() if not reveals.search(name)] == []
    assert [name for name in ordinary.split() if reveals.search(name)] == []
    known = {row["disease"] for row in _rows("dbt_project/seeds/publish/restricted_diagnosis.csv")}
    assert {row["disease"] for row in rows} <= known


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
