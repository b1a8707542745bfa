"""Nothing lost, nothing doubled: rows are counted on both sides of every hop, and must agree."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import psycopg
import yaml
from psycopg import sql

from governance.contracts import Catalogue, Contract
from governance.contracts.model import Protection
from governance.verify.context import Context, has_table, tables_of, value
from governance.verify.counting import count_rows
from governance.verify.results import Check, Outcome, amount, figures


def files(context: Context) -> Outcome:
    """Rows of each loaded file, counted here = rows of its batches, loaded or skipped as loaded before."""
    query = """
        select d.source || '.' || d.source_table, d.file, d.state, d.rows_in,
            coalesce((select sum(b.rows_in) from governance.batch as b
                where (b.source, b.source_table, b.file) = (d.source, d.source_table, d.file)), 0),
            coalesce((select sum(s.rows_in) from governance.batch_skipped as s
                where (s.source, s.source_table, s.file) = (d.source, d.source_table, d.file)), 0)
        from governance.delivery_file as d order by 1, 2"""
    with context.connection() as connection:
        records = connection.execute(query).fetchall()
    rows = checked = gone = refused = 0
    findings = []
    for contract_id, file, state, recorded, loaded, skipped in records:
        contract = context.catalogue.contracts.get(contract_id)
        path = context.settings.deliveries / file
        if state != "loaded":
            refused += 1
        elif contract is None or not path.is_file():
            gone += 1
        else:
            written = contract.delivery
            counted = count_rows(path, written.format, written.encoding, written.delimiter)
            checked, rows = checked + 1, rows + counted
            if not counted == recorded == loaded + skipped:
                findings.append(
                    f"{file}: {counted} rows counted, {recorded} recorded, {loaded} in batches, {skipped} skipped"
                )
    said = [amount(checked, "个文件", "files"), amount(rows, "行", "rows")]
    said += [amount(refused, "个拒收", "refused")] if refused else []
    said += [amount(gone, "个已不在投递目录", "no longer delivered")] if gone else []
    return Outcome(figures(said), checked, tuple(findings))


def batches(context: Context) -> Outcome:
    """Per batch: rows read = accepted + quarantined + withdrawn; the first two stand in landing and in quarantine."""
    with context.connection() as connection:
        recorded = {
            row[0]: row
            for row in connection.execute(
                "select batch_id, source || '_' || source_table, rows_in, accepted, quarantined, withdrawn"
                " from governance.batch"
            )
        }
        landed = _per_batch(connection, "landing", context.catalogue)
        refused = dict(connection.execute("select batch_id, count(*) from quarantine.row group by batch_id").fetchall())
    findings = []
    for batch, relation, rows_in, accepted, quarantined, withdrawn in recorded.values():
        found, held = landed.pop((relation, batch), 0), refused.pop(batch, 0)
        if rows_in != accepted + quarantined + withdrawn or found != accepted or held != quarantined:
            findings.append(
                f"batch {batch} of {relation}: {rows_in} read; {accepted} accepted, {found} in landing; "
                f"{quarantined} quarantined, {held} in quarantine; {withdrawn} withdrawn"
            )
    findings += [
        f"batch {batch}: {rows} rows in landing.{relation}, no such batch" for (relation, batch), rows in landed.items()
    ]
    findings += [f"batch {batch}: {rows} rows in quarantine, no such batch" for batch, rows in refused.items()]
    totals = [sum(row[at] for row in recorded.values()) for at in (2, 3, 4, 5)]
    said = [
        amount(len(recorded), "批次", "batches"),
        f"{totals[0]:,} 行读入 rows in = {totals[1]:,} 接收 accepted + {totals[2]:,} 隔离 quarantined"
        f" + {totals[3]:,} 撤回 withdrawn",
    ]
    return Outcome(figures(said), len(recorded), tuple(findings))


def base(context: Context) -> Outcome:
    """Per base table and source: distinct natural keys in landing = rows in base; nothing merged or dropped unsaid."""
    findings, checked, rows = [], 0, 0
    with context.connection() as connection:
        through = _watermark(connection, "standardize")
        only = _only_rows(context.settings.dbt_project)
        for (table, source), fed in sorted(_feeds(context.catalogue).items()):
            if not has_table(connection, "base", table):
                continue
            union = sql.SQL(" union ").join(
                _keys(contract, columns, through, only.get((contract.relation, table))) for contract, columns in fed
            )
            wanted = value(connection, sql.SQL("select count(*) from ({}) as keys").format(union))
            found = value(
                connection,
                sql.SQL("select count(*) from base.{} where source_system = %s").format(sql.Identifier(table)),
                (source,),
            )
            checked, rows = checked + bool(wanted or found), rows + wanted
            if wanted != found:
                findings.append(f"base.{table}, source {source}: {wanted} keys in landing, {found} rows in base")
    said = [amount(checked, "组表与来源", "pairs of table and source"), amount(rows, "个主键", "natural keys")]
    return Outcome(figures(said), checked, tuple(findings))


def deid(context: Context) -> Outcome:
    """Per table: rows in base = rows in deid + rows withheld for a stated reason, and these stand in held_back."""
    findings, checked, total, held_back = [], 0, 0, 0
    with context.connection() as connection:
        withheld: dict[str, int] = {}
        if has_table(connection, "deid", "withheld"):
            withheld = dict(
                connection.execute("select table_name, sum(rows)::bigint from deid.withheld group by 1").fetchall()
            )
        both = {t for _, t in tables_of(connection, ["base"])} & {t for _, t in tables_of(connection, ["deid"])}
        for table in sorted(both):
            left, right = (
                value(connection, sql.SQL("select count(*) from {}").format(sql.Identifier(schema, table)))
                for schema in ("base", "deid")
            )
            held = withheld.get(table, 0)
            checked, total, held_back = checked + bool(left or right), total + left, held_back + held
            if left != right + held:
                findings.append(f"{table}: {left} rows in base, {right} in deid, {held} withheld")
            if has_table(connection, "held_back", table):
                findings += _held_back(connection, table, held)
    said = [amount(checked, "张表", "tables"), amount(total, "行", "rows"), amount(held_back, "行不放行", "withheld")]
    return Outcome(figures(said), checked, tuple(findings))


def _held_back(connection: psycopg.Connection, table: str, withheld: int) -> list[str]:
    """The rows held back are those that deid.withheld counts, and none of them stands in deid as well."""
    names = {"held": sql.Identifier("held_back", table), "deid": sql.Identifier("deid", table)}
    rows, both = connection.execute(
        sql.SQL("select count(*), count(*) filter (where _row_id in (select _row_id from {deid})) from {held}").format(
            **names
        )
    ).fetchall()[0]
    findings = [f"{table}: {rows} rows in held_back, {withheld} withheld"] if rows != withheld else []
    return findings + ([f"{table}: {both} rows of level 5 stand in deid"] if both else [])


def free_text(context: Context) -> Outcome:
    """Per text field: the newest version of every text in the vault has a row in deid.free_text, and no other has."""
    findings, fields, texts = [], 0, 0
    with context.connection() as connection:
        through = _watermark(connection, "deidentify")
        if through is None or not has_table(connection, "deid", "free_text"):
            return Outcome("尚未脱敏 not de-identified yet", 0)
        for contract in context.catalogue.contracts.values():
            for field in contract.fields:
                if Protection.SCRUB not in field.protection:
                    continue
                wanted, missing, extra = _texts(connection, contract, field.name, through)
                fields, texts = fields + bool(wanted), texts + wanted
                if missing or extra:
                    findings.append(
                        f"{contract.id}.{field.name}: of {wanted} texts {missing} have no de-identified row; "
                        f"{extra} de-identified rows have no text"
                    )
    said = [amount(fields, "个文本字段", "text fields"), amount(texts, "段文本", "texts")]
    return Outcome(figures(said), texts, tuple(findings))


def _per_batch(connection: psycopg.Connection, schema: str, catalogue: Catalogue) -> dict[tuple[str, int], int]:
    counts = {}
    for contract in catalogue.contracts.values():
        if has_table(connection, schema, contract.relation):
            query = sql.SQL("select _batch_id, count(*) from {} group by 1").format(
                sql.Identifier(schema, contract.relation)
            )
            for batch, count in connection.execute(query):
                counts[contract.relation, batch] = count
    return counts


def _feeds(catalogue: Catalogue) -> dict[tuple[str, str], list[tuple[Contract, tuple[str, ...]]]]:
    """(base table, source) → contracts and key columns whose distinct values are the rows of that table.

    A contract says it by ``maps_to``: the fields of its primary key map to the table's own key. Patient numbers map to
    ``person_link.patient_key`` from every table that introduces patients.
    """
    feeds: dict[tuple[str, str], list[tuple[Contract, tuple[str, ...]]]] = defaultdict(list)
    for contract in catalogue.contracts.values():
        if contract.patient_key and "person_link.patient_key" in contract.field(contract.patient_key).maps_to:
            feeds["person_link", contract.source].append((contract, (contract.patient_key,)))
        keys = [contract.field(name) for name in contract.primary_key]
        targets = {target.split(".")[0] for key in keys for target in key.maps_to if target.endswith("_key")}
        for target in targets - {"person_link"}:
            if keys and all(key.landing_column for key in keys):
                feeds[target, contract.source].append((contract, tuple(key.name for key in keys)))
    return feeds


def _only_rows(dbt_project: Path) -> dict[tuple[str, str], str]:
    """(landing table, base table) → condition of the rows that feed it, where a staging model declares one."""
    declared = {}
    for file in sorted((dbt_project / "models" / "staging").glob("*/*.yml")):
        for model in (yaml.safe_load(file.read_text("utf-8")) or {}).get("models", []):
            meta = model.get("config", {}).get("meta", {})
            if "only_rows" in meta:
                declared[str(meta["landing"]), str(meta["feeds"])] = str(meta["only_rows"])
    return declared


def _keys(contract: Contract, columns: tuple[str, ...], through: int | None, only: str | None) -> sql.Composed:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    limit = sql.SQL("") if through is None else sql.SQL(" and _batch_id <= {}").format(sql.Literal(through))
    condition = sql.SQL(f" and ({only})" if only else "")  # the project's own text, not input
    return sql.SQL("select distinct {names} from landing.{table} where ({names}) is not null{limit}{only}").format(
        names=names, table=sql.Identifier(contract.relation), limit=limit, only=condition
    )


def _watermark(connection: psycopg.Connection, stage: str) -> int | None:
    """The batch through which a stage's output is current; ``None`` if it has not run."""
    row = connection.execute("select batch_id from governance.watermark where stage = %s", (stage,)).fetchone()
    return row[0] if row else None


def _texts(connection: psycopg.Connection, contract: Contract, field: str, through: int) -> tuple[int, int, int]:
    """Newest texts in the vault, those without a de-identified row, and de-identified rows without a text."""
    key = (
        sql.SQL(", ").join(map(sql.Identifier, contract.primary_key))
        if contract.primary_key
        else sql.Identifier("_row_id")
    )
    query = sql.SQL("""
        with newest as (
            select distinct on ({key}) _row_id from landing.{table} where _batch_id <= %(through)s
            order by {key}, _row_id desc
        ),
        wanted as (
            select v._row_id from vault.{table} as v inner join newest as n on n._row_id = v._row_id
            where v.{field} is not null
        ),
        found as (
            select row_id from deid.free_text where (source, source_table, field) = (%(source)s, %(name)s, %(field)s)
        )
        select (select count(*) from wanted),
            (select count(*) from wanted where not exists (select 1 from found where found.row_id = wanted._row_id)),
            (select count(*) from found where not exists
                (select 1 from vault.{table} as v where v._row_id = found.row_id and v.{field} is not null))
        """).format(key=key, table=sql.Identifier(contract.relation), field=sql.Identifier(field))
    parameters = {"through": through, "source": contract.source, "name": contract.table, "field": field}
    row = connection.execute(query, parameters).fetchall()[0]
    return row[0], row[1], row[2]


CHECKS = (
    Check("rows.files", "投递文件行数守恒 rows of the delivered files", files),
    Check("rows.batches", "批次守恒 rows of the batches", batches),
    Check("rows.base", "标准层守恒 rows of the base model", base),
    Check("rows.deid", "脱敏层守恒 rows of the de-identified zone", deid),
    Check("rows.free_text", "文本脱敏守恒 free texts", free_text),
)
