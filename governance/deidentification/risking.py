"""``xinglin deid risk``: grade, k, l and risk of a table of the warehouse or of a CSV file."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Annotated, Any, Final

import polars as pl
import psycopg
import typer
import yaml
from psycopg import sql

from anonymization.risk import Risk, RiskError, assess
from governance.contracts import load_catalogue
from governance.database import Role, connect, connection_string, copied
from governance.errors import SettingsError
from governance.settings import Settings

USUAL: Final = frozenset(
    {
        "sex", "gender", "birth_date", "birth_year", "age", "age_group", "age_years", "region", "city", "county",
        "postcode", "zip", "ethnicity", "ethnicity_code", "ethnicity_group", "race", "nationality", "marital_status",
        "marital_status_code", "occupation", "education", "death_date", "admitted_at", "discharged_at",
        "性别", "出生日期", "出生年份", "年龄", "地区", "民族", "职业", "婚姻", "学历", "入院日期", "出院日期",
    }
)  # fmt: skip
"""Quasi-identifiers that GB/T 37964-2019 names, as tables call them; taken where no metadata says which they are."""

Columns = dict[str, str]
"""Column -> direct, quasi, sensitive or none."""
_Names = list[str] | None


def risk(
    table: Annotated[str | None, typer.Argument(help="库中的表 schema.table of the warehouse")] = None,
    file: Annotated[Path | None, typer.Option("--csv", help="CSV 文件 a CSV file instead")] = None,
    quasi: Annotated[_Names, typer.Option("--quasi", help="准标识符列 columns, repeated or with commas")] = None,
    sensitive: Annotated[_Names, typer.Option("--sensitive", help="敏感列 columns for l-diversity")] = None,
    direct: Annotated[_Names, typer.Option("--direct", help="直接标识符列 columns of direct identifiers")] = None,
    threshold: Annotated[int, typer.Option("--k", min=2, help="等价类最小规模 smallest size allowed")] = 5,
    max_risk: Annotated[
        float | None, typer.Option("--max-risk", min=0.0, max=1.0, help="最大风险上限 status 1 above it")
    ] = None,
    aggregate: Annotated[bool, typer.Option("--aggregate", help="汇总数据 rows are sums, not persons")] = False,
    show_values: Annotated[bool, typer.Option("--show-values", help="显示最小类的取值 show their values")] = False,
) -> None:
    """重识别风险：GB/T 42460 分级、k、l、最大与平均风险 · Grade, k, l, maximum and average risk.

    风险高于 --max-risk 或有直接标识符时结束状态为 1 · Status 1 when the risk is above --max-risk, or direct
    identifiers stand in the table. Without it the grade is told at 1/k.
    """
    settings = Settings.from_environment()
    if (table is None) == (file is None):
        raise SettingsError("give either a table of the warehouse or --csv FILE")
    frame, known = (_read_csv(file), {}) if file else _read_table(str(table), settings)
    named = {kind: _listed(given) for kind, given in (("quasi", quasi), ("sensitive", sensitive), ("direct", direct))}
    for kind, given in named.items():
        if given is None:
            named[kind] = [name for name in frame.columns if known.get(name) == kind]
    if not named["quasi"]:
        named["quasi"] = [name for name in frame.columns if name.lower() in USUAL]
        typer.echo("准标识符按常用列名取 quasi-identifiers by their usual names; --quasi names others", err=True)
    limit = 1 / threshold if max_risk is None else max_risk
    found = assess(
        frame,
        named["quasi"] or [],
        sensitive=named["sensitive"] or [],
        direct=named["direct"] or [],
        threshold=threshold,
    )
    _show(found, limit, is_aggregate=aggregate, show_values=show_values)
    if max_risk is not None and (found.direct or found.maximum > max_risk):
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("risk")(risk)


def _show(found: Risk, limit: float, *, is_aggregate: bool, show_values: bool) -> None:
    grade = found.grade(limit, is_aggregate=is_aggregate)
    lines = [
        f"GB/T 42460 分级 grade: {grade}",
        f"行数 rows: {found.rows:,}，等价类 classes: {found.classes:,}",
        f"准标识符 quasi-identifiers: {', '.join(found.quasi)}",
        f"直接标识符 direct identifiers: {', '.join(found.direct) or '无 none'}",
        f"k（最小类）smallest class: {found.k}",
        f"类小于 {found.threshold} 的行 rows in classes below {found.threshold}: "
        f"{found.rows_below:,} ({found.share_below:.2%})",
        f"最大风险 maximum risk 1/k: {found.maximum:.4f}（上限 limit {limit:.4f}）",
        f"平均风险 average risk: {found.average:.4f}",
        *(f"l（{name}）least different values: {least}" for name, least in found.diversity.items()),
        "最小的类 smallest classes: "
        + ("; ".join(f"{count:,} × {size} 行 rows" for size, count in found.worst) or "无 none"),
    ]
    typer.echo("\n".join(lines))
    if show_values:
        typer.echo(found.smallest.write_csv())


def _read_csv(path: Path) -> pl.DataFrame:
    try:
        return pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RiskError(f"{path} cannot be read as CSV in UTF-8 ({type(error).__name__})") from error


def _read_table(name: str, settings: Settings) -> tuple[pl.DataFrame, Columns]:
    """Read a table as text, and what is known of its columns."""
    schema, _, table = name.partition(".")
    if not table:
        raise SettingsError("name the table with its schema, e.g. specialty.breast_cancer_patient")
    with connect(connection_string(Role.AUDIT, settings.state), application="xinglin deid risk") as connection:
        try:
            query = sql.SQL("copy (select * from {}) to stdout (format csv, header)").format(
                sql.Identifier(schema, table)
            )
            content = b"".join(copied(connection, query))
        except psycopg.Error as error:
            raise RiskError(f"{name} cannot be read ({error.diag.message_primary}); check the name") from error
    frame = pl.read_csv(BytesIO(content), infer_schema=False)
    return frame, columns_of(schema, table, settings)


def columns_of(schema: str, table: str, settings: Settings) -> Columns:
    """What contracts (landing) and column meta (models) say of a table's columns."""
    return {**_of_contract(schema, table, settings), **_of_mart(schema, table, settings)}


def _of_contract(schema: str, table: str, settings: Settings) -> Columns:
    """Identifier kinds of a landing table's columns. A token or an index identifies nobody outside of the hospital."""
    if schema != "landing":
        return {}
    contracts = load_catalogue(settings.contracts).contracts.values()
    fields = [f for c in contracts if c.relation == table for f in c.fields if f.landing_column == f.name]
    return {f.name: f.identifier for f in fields if f.token_domain is None}


def _of_mart(schema: str, table: str, settings: Settings) -> Columns:
    """Identifier kinds that the models' column meta names: ``config: {meta: {identifier: quasi}}``."""
    kinds: Columns = {}
    names = {table, f"{schema}_{table}"}
    for path in sorted((settings.dbt_project / "models").rglob("*.yml")):
        for model in (yaml.safe_load(path.read_text("utf-8")) or {}).get("models", []):
            if model["name"] in names:
                for column in model.get("columns", []):
                    meta: dict[str, Any] = (column.get("config") or {}).get("meta") or {}
                    if "identifier" in meta:
                        kinds[column["name"]] = meta["identifier"]
    return kinds


def _listed(given: list[str] | None) -> list[str] | None:
    return None if given is None else [name.strip() for name in ",".join(given).split(",") if name.strip()]
