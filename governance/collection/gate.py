"""The gate: each row of a batch is judged by its contract, column by column.

Order: required, type, then pattern, length, range, code sets and built-in checks of each field, then the rules across
fields, then primary keys doubled within the file. A null passes every rule but ``required`` (as SQL's CHECK does).
Foreign keys are judged by :mod:`governance.collection.references`, which needs the warehouse.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from governance.collection.records import Batch, Judgement
from governance.collection.uniqueness import SeenKeys
from governance.contracts import Contract, Field
from governance.contracts.model import LogicalType, Rule, Severity
from governance.contracts.rules import BUILT_IN_CHECKS
from governance.errors import ContractError

_JOIN = "\x1f"


class Gate:
    """Judges the batches of one contract.

    Args:
        contract: what holds.
        reference: folder of the value sets that the contract names.
        clock: now, as naive local time of the hospital (``maximum: now`` refers to it).

    Raises:
        ContractError: a value set that a rule names does not exist or lacks a column.
    """

    def __init__(self, contract: Contract, reference: Path, clock: Callable[[], datetime]) -> None:
        self.contract, self._clock = contract, clock
        self._sets = {
            r.id: _read_set(contract, reference / f"{r.code_set}.csv", r)
            for r in self._rules()
            if r.code_set is not None
        }
        self._ranges = {
            r.id: _read_ranges(contract, reference / f"{r.range_table}.csv", r)
            for r in self._rules()
            if r.range_table is not None
        }
        self._severity = {r.id: r.severity for r in self._rules()}

    def _rules(self) -> list[Rule]:
        return [*(r for f in self.contract.fields for r in f.rules), *self.contract.rules]

    def judge(self, batch: Batch, seen: SeenKeys) -> Judgement:
        """Judge every row; ``seen`` remembers the file's primary keys across its batches."""
        raw = batch.frame
        typed = raw.select(_parse(f).alias(f.name) for f in self.contract.fields)
        masks = self._masks(raw, typed)
        if self.contract.primary_key:
            masks[f"{self.contract.id}.unique"] = pl.Series(seen.doubled(raw.select(self.contract.primary_key)))
        failed = np.zeros(raw.height, bool)
        counts: dict[str, int] = {}
        errors: dict[str, np.ndarray] = {}
        for rule_id, mask in masks.items():
            if not mask.any():
                continue
            broken = mask.fill_null(False).to_numpy()
            counts[rule_id] = int(broken.sum())
            if self._severity.get(rule_id, Severity.ERROR) is Severity.ERROR:
                failed |= broken
                errors[rule_id] = broken
        reasons = {
            int(row): [rule_id for rule_id, broken in errors.items() if broken[row]] for row in np.flatnonzero(failed)
        }
        return Judgement(typed, failed, reasons, counts)

    def _masks(self, raw: pl.DataFrame, typed: pl.DataFrame) -> dict[str, pl.Series]:
        """Rule id → mask of the rows that break it; only rules that some row breaks are worth a Series."""
        now = self._clock()
        both = raw.rename({name: f"raw:{name}" for name in raw.columns}).hstack(typed)
        expressions: list[pl.Expr] = []
        for field in self.contract.fields:
            for name, expression in _field_checks(field, now):
                expressions.append(expression.alias(f"{self.contract.id}.{field.name}.{name}"))
            for rule in field.rules:
                expressions.append(self._rule_expression(rule).alias(rule.id))
        for rule in self.contract.rules:
            expressions.append(self._rule_expression(rule).alias(rule.id))
        # lazily: what several rules have in common (the key of a value set) is computed once
        return both.lazy().select(expressions).collect().to_dict() if expressions else {}

    def _rule_expression(self, rule: Rule) -> pl.Expr:
        if rule.expression is not None:
            return ~pl.sql_expr(rule.expression)
        if rule.check is not None:
            check, column = BUILT_IN_CHECKS[rule.check], pl.col(f"raw:{rule.field}")
            return column.map_batches(lambda values: _by_unique(values, check), return_dtype=pl.Boolean)
        key = _key(rule.fields)
        if rule.code_set is not None:
            return ~key.is_in(self._sets[rule.id])
        low, high = self._ranges[rule.id]
        value = pl.col(str(rule.field)).cast(pl.Float64)
        bounds = [key.replace_strict(b, default=None, return_dtype=pl.Float64) for b in (low, high)]
        return (value < bounds[0]) | (value > bounds[1])


def _key(fields: tuple[str, ...]) -> pl.Expr:
    """The fields' raw values as one string; null when one of them is null."""
    if len(fields) == 1:
        return pl.col(f"raw:{fields[0]}")
    return pl.concat_str([pl.col(f"raw:{name}") for name in fields], separator=_JOIN)


def _by_unique(values: pl.Series, check: Callable[[str], bool]) -> pl.Series:
    unique = values.drop_nulls().unique()
    broken = pl.Series([v for v in unique.to_list() if not check(v)], dtype=pl.String)
    return values.is_in(broken.implode())


def _parse(field: Field) -> pl.Expr:
    """Raw string → typed value, null where it does not fit."""
    raw = pl.col(field.name)
    match field.logical_type:
        case LogicalType.INTEGER:
            return raw.cast(pl.Int64, strict=False)
        case LogicalType.NUMBER:
            number = raw.cast(pl.Float64, strict=False)
            return pl.when(number.is_finite()).then(number)
        case LogicalType.DATE:
            return raw.str.to_date(field.format, strict=False, exact=True)
        case LogicalType.TIMESTAMP:
            return raw.str.to_datetime(field.format, strict=False, exact=True, time_unit="us")
        case LogicalType.BOOLEAN:
            lower = raw.str.to_lowercase()
            truth = pl.when(lower.is_in(["true", "1", "t", "y"])).then(True)
            return truth.when(lower.is_in(["false", "0", "f", "n"])).then(False)
        case _:
            return raw


def _field_checks(field: Field, now: datetime) -> list[tuple[str, pl.Expr]]:
    raw, value = pl.col(f"raw:{field.name}"), pl.col(field.name)
    checks: list[tuple[str, pl.Expr]] = []
    if field.required:
        checks.append(("required", raw.is_null()))
    if field.logical_type is not LogicalType.STRING:
        checks.append(("type", raw.is_not_null() & value.is_null()))
    if field.pattern is not None:
        checks.append(("pattern", ~raw.str.contains(field.pattern)))
    if field.min_length is not None or field.max_length is not None:
        length = raw.str.len_chars()
        low, high = field.min_length or 0, field.max_length or 10**9
        checks.append(("length", (length < low) | (length > high)))
    for name, bound in (("minimum", field.minimum), ("maximum", field.maximum)):
        if bound is not None:
            limit = pl.lit(_limit(field, bound, now))
            checks.append((name, value < limit if name == "minimum" else value > limit))
    if field.enum:
        checks.append(("code", ~raw.is_in(list(field.enum))))
    return checks


def _limit(field: Field, bound: str | float, now: datetime) -> object:
    if field.logical_type in (LogicalType.DATE, LogicalType.TIMESTAMP):
        # a day of grace for "now": clocks of departments differ, and a delivery is read the night after
        grace = now + timedelta(days=1)
        moment = grace if bound == "now" else datetime.fromisoformat(str(bound)).replace(tzinfo=None)
        return moment.date() if field.logical_type is LogicalType.DATE else moment
    return float(bound)


def hospital_now() -> datetime:
    """Now as the hospital's clocks show it: local time of the server, without a zone."""
    return datetime.now(UTC).astimezone().replace(tzinfo=None)


def _rows(contract: Contract, path: Path, rule: Rule, needed: list[str]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise ContractError(f"{contract.file}: rule {rule.id} names {path.name}, which cannot be read") from error
    missing = [column for column in needed if not rows or column not in rows[0]]
    if missing:
        raise ContractError(f"{contract.file}: rule {rule.id}: {path.name} has no column {', '.join(missing)}")
    return rows


def _read_set(contract: Contract, path: Path, rule: Rule) -> list[str]:
    columns = ["code"] if len(rule.fields) == 1 else list(rule.fields)
    return [_JOIN.join(row[c] for c in columns) for row in _rows(contract, path, rule, columns)]


def _read_ranges(contract: Contract, path: Path, rule: Rule) -> tuple[dict[str, float | None], dict[str, float | None]]:
    columns = list(rule.fields)
    rows = _rows(contract, path, rule, [*columns, "low", "high"])
    keys = [_JOIN.join(row[c] for c in columns) for row in rows]
    bounds = ([float(row[b]) if row[b] else None for row in rows] for b in ("low", "high"))
    low, high = (dict(zip(keys, values, strict=True)) for values in bounds)
    return low, high
