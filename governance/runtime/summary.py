"""What the summary says, asked of the governance tables; one query a figure, and no patient's value among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from governance.database import connect
from governance.errors import DatabaseError
from governance.lineage.trace import example_key

MART_SCHEMAS = ("specialty", "research", "open_data")

_SOURCES = """
select source, count(distinct file) as files, sum(rows_in) as rows_in, sum(accepted) as accepted,
       sum(quarantined) as quarantined, sum(encrypted_values) as encrypted, sum(tokenised_values) as tokenised
from governance.batch where loaded_at >= %(since)s group by source order by source"""
_RULES = """
with refused as (
    select source || '.' || source_table as place, rule_ids from quarantine.row where quarantined_at >= %(since)s),
places as (select place, count(*) as lines from refused group by place),
rules as (select place, rule, count(*) as lines from refused, unnest(rule_ids) as rule group by place, rule)
select place, p.lines, array_agg(array[rule, r.lines::text] order by r.lines desc, rule)
from places p join rules r using (place) group by place, p.lines order by p.lines desc, place"""
_REFUSED = """
select source || '.' || source_table || ' ' || file || ': ' || message
from governance.delivery_file where state = 'refused' and seen_at >= %(since)s order by 1"""
_TEXTS = """
select count(*), count(withheld), coalesce(sum(characters), 0)
from deid.free_text where scrubbed_at >= %(since)s"""
_ENTITIES = """
select entity.key, sum(entity.value::bigint)
from deid.free_text t, jsonb_each_text(t.entities) as entity
where t.scrubbed_at >= %(since)s group by 1 order by 2 desc, 1"""
_STAGES = """
select stage, state, extract(epoch from ended_at - started_at)::float
from governance.stage_run where started_at >= %(since)s order by started_at"""
_MODELS = """
select layer, count(*) filter (where resource_type in ('model', 'seed')),
       count(*) filter (where resource_type in ('test', 'unit_test')),
       count(*) filter (where state not in ('success', 'pass', 'no-op'))
from governance.model_run where finished_at >= %(since)s group by layer order by min(finished_at)"""
_TABLES = """
select relnamespace::regnamespace::text, relname from pg_class
where relkind = 'r' and relnamespace::regnamespace::text = any(%(schemas)s)
order by array_position(%(schemas)s, relnamespace::regnamespace::text), 2"""
_LINEAGE = """
select (select count(*) from governance.lineage_event where event_time >= %(since)s),
       (select count(*) from governance.column_lineage)"""
_BACKUP = """
select backup_id, file, bytes, extract(epoch from ended_at - started_at)::float,
       (select count(*) from jsonb_object_keys(rows)), restored_at is not null
from governance.backup where started_at >= %(since)s order by started_at desc limit 1"""
_TOTALS = """
select coalesce(sum(rows_in), 0), coalesce(sum(accepted), 0), coalesce(sum(quarantined), 0),
       (select count(*) from base.person)
from governance.batch"""


@dataclass(frozen=True)
class SourceRows:
    """Rows of one source system that a run read: ``rows_in = accepted + quarantined + withdrawn``; values are cells."""

    source: str
    files: int
    rows_in: int
    accepted: int
    quarantined: int
    encrypted: int
    tokenised: int


@dataclass(frozen=True)
class BackupMade:
    """The newest backup: bytes of its file, seconds it took, tables it lists, whether a restore was compared since."""

    backup_id: str
    file: str
    bytes: int
    seconds: float
    tables: int
    restored: bool


@dataclass(frozen=True)
class Summary:
    """Everything since one moment, and what the warehouse holds in all.

    Attributes:
        rules: per table its quarantined rows, and how many of them broke which rule (a row may break several).
        texts: free texts de-identified, of these withheld, and characters read.
        stages: stage, state, seconds.
        models: layer, models and seeds built, tests run, nodes not successful.
        marts: "schema.table", rows, rows with a way back to their source rows (None: the table has no lineage).
        totals: rows read, accepted, quarantined in all batches ever, and persons.
        example: a mart and one of its lineage ids, to try the trace on.
    """

    sources: list[SourceRows]
    rules: list[tuple[str, int, list[tuple[str, int]]]]
    refused: list[str]
    texts: tuple[int, int, int]
    entities: list[tuple[str, int]]
    stages: list[tuple[str, str, float]]
    models: list[tuple[str, int, int, int]]
    marts: list[tuple[str, int, int | None]]
    lineage_events: int
    column_edges: int
    backup: BackupMade | None
    totals: tuple[int, int, int, int]
    example: tuple[str, str] | None = field(default=None)

    @property
    def rows_in(self) -> int:
        """Rows read since the moment."""
        return sum(source.rows_in for source in self.sources)


def summarise(dsn: str, since: datetime) -> Summary:
    """Gather the summary.

    Args:
        dsn: connection string of the role ``audit``.
        since: only what was done at or after this moment counts, except marts, column lineage and totals.

    Raises:
        DatabaseError: the warehouse refused a query.
    """
    try:
        with connect(dsn, application="xinglin summary") as connection:
            return _gather(connection, {"since": since})
    except psycopg.Error as error:
        raise DatabaseError(f"the summary cannot be gathered: {str(error).splitlines()[0]}") from error


def _gather(connection: psycopg.Connection, moment: dict[str, Any]) -> Summary:
    def rows(query: str) -> list[Any]:
        return connection.execute(query.encode(), moment).fetchall()

    marts = _marts(connection)
    backups = rows(_BACKUP)
    return Summary(
        sources=[SourceRows(row[0], *map(int, row[1:])) for row in rows(_SOURCES)],
        rules=[
            (place, count, [(rule.removeprefix(f"{place}."), int(lines)) for rule, lines in broken])
            for place, count, broken in rows(_RULES)
        ],
        refused=[row[0] for row in rows(_REFUSED)],
        texts=rows(_TEXTS)[0],
        entities=[(row[0], int(row[1])) for row in rows(_ENTITIES)],
        stages=[(row[0], row[1], float(row[2] or 0)) for row in rows(_STAGES)],
        models=rows(_MODELS),
        marts=marts,
        lineage_events=rows(_LINEAGE)[0][0],
        column_edges=rows(_LINEAGE)[0][1],
        backup=BackupMade(*backups[0]) if backups else None,
        totals=rows(_TOTALS)[0],
        example=_example(connection, [name for name, count, traced in marts if count and traced]),
    )


def _marts(connection: psycopg.Connection) -> list[tuple[str, int, int | None]]:
    tables = connection.execute(_TABLES, {"schemas": list(MART_SCHEMAS)}).fetchall()
    traced = {row[1] for row in connection.execute(_TABLES, {"schemas": ["lineage"]})}
    found = []
    for schema, table in tables:
        beside = f"{schema}__{table}"
        query = "select count(*), count(l.lineage_id) from {} m left join {} l using (lineage_id)"
        if beside not in traced:
            query = "select count(*), null from {}"
        row = connection.execute(
            sql.SQL(query).format(sql.Identifier(schema, table), sql.Identifier("lineage", beside))
            if beside in traced
            else sql.SQL(query).format(sql.Identifier(schema, table))
        ).fetchone()
        found.append((f"{schema}.{table}", row[0], row[1]) if row else (f"{schema}.{table}", 0, None))
    return found


def _example(connection: psycopg.Connection, marts: list[str]) -> tuple[str, str] | None:
    for name in marts:
        if key := example_key(connection, name):
            return name, key
    return None
