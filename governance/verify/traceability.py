"""Every mart column and every mart row can be followed back."""

from __future__ import annotations

from collections import defaultdict

import psycopg
from psycopg import sql

from governance.verify.context import Context, columns_of, has_table, tables_of, value
from governance.verify.results import Check, Outcome, amount, figures

MARTS = ("specialty", "research")
Column = tuple[str, str, str]
# Where a column may come from for good: a delivered file, landing or vault, a reference file, a constant.
_ORIGINS = ("landing", "vault", "deliveries", "repository", "")


def columns(context: Context) -> Outcome:
    """Every column of every mart reaches, by every way, a landing or vault column, a reference file or a constant."""
    findings, checked, edges = [], 0, 0
    with context.connection() as connection:
        sources = _edges(connection)
        for schema, table in tables_of(connection, list(MARTS)):
            for column in columns_of(connection, schema, table):
                checked += 1
                ends = _ends((schema, table, column), sources)
                loose = sorted(".".join(end) for end in ends if end[0] not in _ORIGINS)
                if not ends or loose:
                    findings.append(
                        f"{schema}.{table}.{column}: {'ends at ' + ', '.join(loose) if loose else 'no lineage'}"
                    )
        edges = sum(len(found) for found in sources.values())
    said = [amount(checked, "个集市列", "mart columns"), amount(edges, "条列血缘", "edges")]
    return Outcome(figures(said), checked, tuple(findings))


def rows(context: Context) -> Outcome:
    """Every lineage row names source rows, and each of them stands in landing, in a recorded batch."""
    findings, checked, named = [], 0, 0
    with context.connection() as connection:
        relations = {
            (source, table): f"{source}_{table}"
            for source, table in connection.execute("select distinct source, source_table from governance.batch")
        }
        for schema, table in tables_of(connection, list(MARTS)):
            if not has_table(connection, "lineage", f"{schema}__{table}"):
                continue  # rows.marts says so
            line = sql.Identifier("lineage", f"{schema}__{table}")
            count, empty = connection.execute(
                sql.SQL(
                    "select count(*), count(*) filter (where coalesce(cardinality(row_ids), 0) = 0) from {}"
                ).format(line)
            ).fetchall()[0]
            checked += count
            if empty:
                findings.append(f"{schema}.{table}: {empty} of {count} rows name no source row")
            ids, resolved = _resolved(connection, line, relations)
            named += ids
            if ids != resolved:
                findings.append(f"{schema}.{table}: {ids - resolved} of {ids} source rows are not in landing")
    said = [amount(checked, "行集市数据", "mart rows"), amount(named, "个源行引用", "source rows named")]
    return Outcome(figures(said), checked, tuple(findings))


def marts(context: Context) -> Outcome:
    """Every mart row has exactly one lineage row and the other way round; every patient of a mart is in deid."""
    findings, checked, rows = [], 0, 0
    with context.connection() as connection:
        for schema, table in tables_of(connection, list(MARTS)):
            columns = columns_of(connection, schema, table)
            name = f"{schema}.{table}"
            if "lineage_id" not in columns or not has_table(connection, "lineage", f"{schema}__{table}"):
                checked += 1
                findings.append(f"{name}: no lineage_id, or no table lineage.{schema}__{table}")
                continue
            mart, line = sql.Identifier(schema, table), sql.Identifier("lineage", f"{schema}__{table}")
            count, without, orphans, doubled = connection.execute(
                sql.SQL(
                    "select (select count(*) from {mart}),"
                    " (select count(*) from {mart} m where not exists"
                    " (select 1 from {line} l where l.lineage_id = m.lineage_id)),"
                    " (select count(*) from {line} l where not exists"
                    " (select 1 from {mart} m where m.lineage_id = l.lineage_id)),"
                    " (select count(*) - count(distinct lineage_id) from {mart})"
                    " + (select count(*) - count(distinct lineage_id) from {line})"
                ).format(mart=mart, line=line)
            ).fetchall()[0]
            checked, rows = checked + bool(count), rows + count
            if without or orphans or doubled:
                findings.append(
                    f"{name}: {without} of {count} rows without lineage row, {orphans} lineage rows without mart row, "
                    f"{doubled} lineage ids twice"
                )
            if "research_id" in columns and (strangers := _strangers(connection, mart)):
                findings.append(f"{name}: {strangers} patients are not in deid.person")
    return Outcome(
        figures([amount(checked, "张数据集市表", "marts"), amount(rows, "行", "rows")]), checked, tuple(findings)
    )


def _edges(connection: psycopg.Connection) -> dict[Column, list[Column]]:
    sources: dict[Column, list[Column]] = defaultdict(list)
    for row in connection.execute(
        "select schema_name, table_name, column_name, source_schema, source_table, source_column"
        " from governance.column_lineage"
    ):
        sources[row[0], row[1], row[2]].append((row[3], row[4], row[5]))
    return sources


def _ends(start: Column, sources: dict[Column, list[Column]]) -> set[Column]:
    """Columns from which nothing leads further back; empty when ``start`` itself has no source."""
    ends: set[Column] = set()
    seen = {start}
    waiting = list(sources.get(start, ()))
    while waiting:
        column = waiting.pop()
        if column in seen:
            continue
        seen.add(column)
        further = sources.get(column, ()) if column[0] not in _ORIGINS else ()
        if further:
            waiting += further
        else:
            ends.add(column)
    return ends


def _resolved(
    connection: psycopg.Connection, line: sql.Identifier, relations: dict[tuple[str, str], str]
) -> tuple[int, int]:
    """Distinct row ids that a lineage table names, and how many of them stand in landing."""
    present = sql.SQL(" union all ").join(
        sql.SQL(
            "select count(distinct ids.row_id) as found from ids inner join governance.batch as b"
            " on b.batch_id = (ids.row_id >> 32)::integer and (b.source, b.source_table) = ({source}, {name})"
            " inner join landing.{table} as l on l._row_id = ids.row_id"
        ).format(source=sql.Literal(source), name=sql.Literal(name), table=sql.Identifier(relation))
        for (source, name), relation in sorted(relations.items())
    )
    if not relations:
        present = sql.SQL("select 0 as found")  # type: ignore[assignment]
    query = sql.SQL(
        "with ids as materialized (select distinct unnest(row_ids) as row_id from {line})"
        " select (select count(*) from ids), (select coalesce(sum(found), 0)::bigint from ({present}) as per_table)"
    ).format(line=line, present=present)
    row = connection.execute(query).fetchall()[0]
    return row[0], row[1]


def _strangers(connection: psycopg.Connection, mart: sql.Identifier) -> int:
    """Research ids that are nobody's in deid.person under any project's salt."""
    query = sql.SQL("""
        select count(*)
        from (select distinct research_id from {} where research_id is not null) as m
        where m.research_id not in (
            select md5(p.person_id::text || s.salt::text)::uuid from deid.person as p cross join vault.project_salt as s
        )""")
    return int(value(connection, query.format(mart)))


CHECKS = (
    Check("rows.marts", "数据集市行与血缘一一对应 mart rows and their lineage rows", marts),
    Check("lineage.columns", "集市列血缘 lineage of every mart column", columns),
    Check("lineage.rows", "集市行可追溯到源行 every mart row leads to its source rows", rows),
)
