"""The gate: every kind of rule refuses what it should, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from governance.collection.gate import Gate, hospital_now
from governance.collection.records import Batch, Judgement
from governance.collection.uniqueness import SeenKeys
from governance.contracts import Contract, Field
from governance.contracts.model import LogicalType, Rule, Severity
from governance.errors import ContractError

NOW = datetime(2026, 6, 1, 8, 30)
MakeField = Callable[..., Field]
Judge = Callable[..., Judgement]


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    (tmp_path / "colour.csv").write_text("code,name\nr,red\ng,green\n", "utf-8-sig")
    (tmp_path / "pair.csv").write_text("test,unit\nHGB,g/L\nWBC,10^9/L\n", "utf-8")
    (tmp_path / "limits.csv").write_text("test,unit,low,high\nHGB,g/L,20,260\nWBC,10^9/L,,500\n", "utf-8")
    (tmp_path / "abc.csv").write_text("a,c,low,high\nx,y,1,2\n", "utf-8")
    return tmp_path


@pytest.fixture
def judge(contracts: Callable[..., Contract], reference: Path) -> Judge:
    """Judges rows (lists of texts) of a contract with the given fields and rules."""

    def judging(
        fields: list[Field], rows: list[list[str | None]], rules: tuple[Rule, ...] = (), seen: SeenKeys | None = None
    ) -> Judgement:
        contract = contracts(fields, rules=rules)
        frame = pl.DataFrame(rows, schema={f.name: pl.String for f in fields}, orient="row")
        batch = Batch(2, frame, np.arange(2, 2 + len(rows)), [b""] * len(rows), [], "")
        return Gate(contract, reference, lambda: NOW).judge(batch, seen or SeenKeys())

    return judging


@pytest.fixture
def broken(judge: Judge, fields: MakeField) -> Callable[..., list[str | None]]:
    """The values of one field that are refused, and that all are refused by one rule."""

    def values(rule: str, candidates: list[str | None], **given: Any) -> list[str | None]:
        judgement = judge([fields("a", **given)], [[value] for value in candidates])
        assert all(reasons == [f"clinic.table.a.{rule}"] for reasons in judgement.reasons.values())
        return [value for value, failed in zip(candidates, judgement.failed.tolist(), strict=True) if failed]

    return values


def rule(name: str, **given: Any) -> Rule:
    return Rule(**({"id": f"clinic.table.{name}", "severity": Severity.ERROR} | given))


def test_an_empty_batch_is_judged(judge: Judge, fields: MakeField) -> None:
    assert judge([fields("a", required=True, primary_key=True)], []).reasons == {}


def test_a_null_breaks_required(broken: Any) -> None:
    assert broken("required", [None, "x"], required=True) == [None]


def test_a_null_passes_every_other_rule(judge: Judge, fields: MakeField) -> None:
    checks = (rule("a.set", code_set="colour", fields=("a",)), rule("a.id", check="resident_id_checksum", field="a"))
    strict = fields("a", pattern="^x$", min_length=1, enum=("x",), rules=checks)
    number = fields("b", logical_type=LogicalType.NUMBER, minimum=1, maximum=2)
    day = fields("c", logical_type=LogicalType.DATE, format="%Y%m%d", maximum="now")
    across = (rule("sum", expression="b > 1 AND a = 'x'"), rule("pair", code_set="abc", fields=("a", "c")),
              rule("range", range_table="abc", fields=("a", "c"), field="b"))  # fmt: skip
    assert judge([strict, number, day], [[None, None, None]], across).counts == {}


@pytest.mark.parametrize(
    ("kind", "given", "good", "bad"),
    [
        ("integer", {}, ["1", "-7", "9223372036854775807"], ["1.5", "x", "9223372036854775808", "1e3"]),
        ("number", {}, ["1", "-0.5", ".5", "1e3"], ["x", "inf", "nan", "1,5", "12mg", "1_000"]),
        ("date", {"format": "%Y%m%d"}, ["20240229"], ["20250231", "2025-01-01", "20250101x", "2025"]),
        ("timestamp", {"format": "%Y-%m-%d %H:%M:%S"}, ["2025-01-01 23:59:59"], ["2025-02-31 09:12:00", "2025-01-01"]),
        ("boolean", {}, ["true", "FALSE", "1", "0", "Y", "n"], ["ja", "2"]),
    ],
)
def test_a_value_of_another_type_is_refused(
    broken: Any, kind: str, given: dict[str, str], good: list[str], bad: list[str]
) -> None:
    assert broken("type", good + bad, logical_type=LogicalType(kind), **given) == bad


def test_a_pattern_holds(broken: Any) -> None:
    assert broken("pattern", ["12345678", "1234567", "1234567x"], pattern="^[0-9]{8}$") == ["1234567", "1234567x"]


def test_length_counts_characters_not_bytes(broken: Any) -> None:
    assert broken("length", ["张", "张三", "欧阳娜娜"], min_length=2, max_length=3) == ["张", "欧阳娜娜"]


def test_an_inline_code_set_holds(broken: Any) -> None:
    assert broken("code", ["N", "H", "Z", "n"], enum=("N", "H")) == ["Z", "n"]


def test_a_minimum_and_a_maximum_are_themselves_allowed(judge: Judge, fields: MakeField) -> None:
    number = fields("a", logical_type=LogicalType.NUMBER, minimum=0, maximum=10)
    judgement = judge([number], [["-0.01"], ["0"], ["10"], ["10.01"]])
    assert judgement.reasons == {0: ["clinic.table.a.minimum"], 3: ["clinic.table.a.maximum"]}


def test_an_early_date_is_refused(broken: Any) -> None:
    given = {"logical_type": LogicalType.DATE, "format": "%Y%m%d", "minimum": "1900-01-01"}
    assert broken("minimum", ["18991231", "19000101"], **given) == ["18991231"]


def test_now_allows_a_day_of_grace_and_no_more(broken: Any) -> None:
    given = {"logical_type": LogicalType.TIMESTAMP, "format": "%Y-%m-%d %H:%M:%S", "maximum": "now"}
    moments = ["2026-06-01 08:30:00", "2026-06-02 08:30:00", "2026-06-02 08:30:01"]
    assert broken("maximum", moments, **given) == moments[2:]


def test_now_for_a_date_is_tomorrow_at_the_latest(broken: Any) -> None:
    given = {"logical_type": LogicalType.DATE, "format": "%Y%m%d", "maximum": "now"}
    assert broken("maximum", ["20260601", "20260602", "20260603"], **given) == ["20260603"]


def test_now_is_asked_for_each_batch(contracts: Callable[..., Contract], fields: MakeField, reference: Path) -> None:
    day = fields("a", logical_type=LogicalType.DATE, format="%Y%m%d", maximum="now")
    moments = iter([datetime(2026, 6, 1), datetime(2026, 6, 5)])
    gate = Gate(contracts([day]), reference, lambda: next(moments))
    batch = Batch(2, pl.DataFrame({"a": ["20260604"]}), np.array([2]), [b""], [], "")
    assert [gate.judge(batch, SeenKeys()).failed.tolist() for _ in range(2)] == [[True], [False]]


def test_the_hospitals_clock_has_no_zone() -> None:
    assert hospital_now().tzinfo is None


def test_a_code_set_of_a_file_holds(judge: Judge, fields: MakeField) -> None:
    judgement = judge([fields("a")], [["r"], ["x"]], (rule("colour", code_set="colour", fields=("a",)),))
    assert judgement.reasons == {1: ["clinic.table.colour"]}


def test_a_code_set_of_two_fields_holds_for_the_pair(judge: Judge, fields: MakeField) -> None:
    pairs = [["HGB", "g/L"], ["WBC", "g/L"], ["HGB", None]]
    judgement = judge(
        [fields("test"), fields("unit")], pairs, (rule("pair", code_set="pair", fields=("test", "unit")),)
    )
    assert list(judgement.reasons) == [1]


def test_a_range_table_holds_and_is_silent_about_what_it_does_not_name(judge: Judge, fields: MakeField) -> None:
    value = fields("value", logical_type=LogicalType.NUMBER)
    rows = [["HGB", "g/L", "19"], ["HGB", "g/L", "20"], ["HGB", "g/L", "261"], ["WBC", "10^9/L", "-1"],
            ["WBC", "10^9/L", "501"], ["XYZ", "g/L", "1e9"]]  # fmt: skip
    limits = rule("limits", range_table="limits", fields=("test", "unit"), field="value")
    assert list(judge([fields("test"), fields("unit"), value], rows, (limits,)).reasons) == [0, 2, 4]


def test_a_rule_across_fields_holds(judge: Judge, fields: MakeField) -> None:
    given: dict[str, Any] = {"logical_type": LogicalType.DATE, "format": "%Y%m%d"}
    days = [["20260101", "20260102"], ["20260102", "20260101"], [None, "20260101"]]
    judgement = judge([fields("a", **given), fields("b", **given)], days, (rule("order", expression="b >= a"),))
    assert judgement.reasons == {1: ["clinic.table.order"]}


def test_an_identity_number_with_a_wrong_check_character_is_refused(judge: Judge, fields: MakeField) -> None:
    checked = rule("id", check="resident_id_checksum", field="a")
    judgement = judge([fields("a")], [["11010519491231002X"], ["110105194912310021"]], (checked,))
    assert list(judgement.reasons) == [1]


def test_a_warning_is_counted_and_not_refused(judge: Judge, fields: MakeField) -> None:
    warning = rule("colour", code_set="colour", fields=("a",), severity=Severity.WARNING)
    judgement = judge([fields("a")], [["r"], ["x"]], (warning,))
    assert (judgement.counts, judgement.failed.tolist(), judgement.reasons) == (
        {"clinic.table.colour": 1}, [False, False], {},
    )  # fmt: skip


def test_a_row_names_every_rule_that_it_breaks(judge: Judge, fields: MakeField) -> None:
    judgement = judge([fields("a", required=True), fields("b", enum=("x",))], [[None, "y"]])
    assert judgement.reasons == {0: ["clinic.table.a.required", "clinic.table.b.code"]}


def test_the_second_row_with_a_primary_key_is_refused(judge: Judge, fields: MakeField) -> None:
    judgement = judge([fields("a", primary_key=True)], [["1"], ["2"], ["1"]])
    assert judgement.reasons == {2: ["clinic.table.unique"]}


def test_a_primary_key_is_remembered_across_batches(judge: Judge, fields: MakeField) -> None:
    seen = SeenKeys()
    judge([fields("a", primary_key=True)], [["1"]], seen=seen)
    assert judge([fields("a", primary_key=True)], [["1"], ["2"]], seen=seen).failed.tolist() == [True, False]


def test_a_primary_key_of_two_fields_is_their_pair(judge: Judge, fields: MakeField) -> None:
    keys = [fields("a", primary_key=True), fields("b", primary_key=True)]
    assert judge(keys, [["a", "bc"], ["ab", "c"], ["a", "bc"]]).failed.tolist() == [False, False, True]


def test_a_value_set_that_does_not_exist_is_named(contracts: Callable[..., Contract], tmp_path: Path) -> None:
    missing = rule("colour", code_set="colours", fields=("a",))
    with pytest.raises(ContractError, match=r"rule clinic\.table\.colour names colours\.csv, which cannot be read"):
        Gate(contracts(["a"], rules=(missing,)), tmp_path, lambda: NOW)


def test_a_value_set_without_its_column_is_named(contracts: Callable[..., Contract], reference: Path) -> None:
    lame = rule("pair", code_set="colour", fields=("a", "b"))
    with pytest.raises(ContractError, match=r"colour\.csv has no column a, b"):
        Gate(contracts(["a", "b"], rules=(lame,)), reference, lambda: NOW)
