"""Lineage of dbt layers: OpenLineage events from dbt's artefacts, columns by parsing the SQL that was run.

Column lineage is read from each node's compiled SQL by sqlglot against the warehouse's own catalogue, which resolves
``select *`` and common table expressions; a constant or a function without columns is recorded as such.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import sqlglot
from openlineage.client.event_v2 import RunEvent
from openlineage.client.serde import Serde
from sqlglot import exp
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope
from sqlglot.schema import MappingSchema

from governance.lineage.events import JOBS, PRODUCER, WAREHOUSE, ColumnSource, Output, job_event
from governance.lineage.store import ColumnEdge, LineageStore
from governance.settings import Settings

Catalogue = dict[str, dict[str, dict[str, str]]]
CONSTANT = ("", "", "")


def emit_dbt_lineage(
    store: LineageStore, connection: psycopg.Connection, settings: Settings, target: Path, results: Any, run_id: str
) -> None:
    """Store a layer's events and column lineage.

    Args:
        target: dbt's target folder with manifest.json and run_results.json of this run.
        results: dbt's run results, whose nodes carry their compiled SQL.
        run_id: the lifecycle's run, which the events name as their parent.
    """
    catalogue = read_catalogue(connection)
    remembered = _Remembered(target / "column_lineage.json", catalogue)
    edges: list[ColumnEdge] = []
    for result in results:
        node = result.node
        if str(node.resource_type) == "model" and str(node.config.materialized) != "ephemeral":
            columns = catalogue.get(node.schema, {}).get(node.alias, {})
            edges += remembered.edges(node.schema, node.alias, node.compiled_code, columns)
        elif str(node.resource_type) == "seed":
            columns = catalogue.get(node.schema, {}).get(node.alias, {})
            edges += [(node.schema, node.alias, c, "repository", node.original_file_path, c, "seed") for c in columns]
    remembered.save()
    store.emit_documents(_events(settings, target, edges, run_id))
    store.replace_columns(edges)


class _Remembered:
    """Column lineage by digest of SQL and catalogue: what was parsed once is not parsed again while both stand."""

    def __init__(self, path: Path, catalogue: Catalogue) -> None:
        self._path, self._catalogue = path, catalogue
        self._digest = hashlib.sha256(json.dumps(catalogue, sort_keys=True).encode())
        self._schema: MappingSchema | None = None
        try:
            self._known: dict[str, list[list[str]]] = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            self._known = {}

    def edges(self, schema: str, table: str, compiled: str, columns: Iterable[str]) -> list[ColumnEdge]:
        digest = self._digest.copy()
        digest.update(f"{schema}.{table}\0{compiled}".encode())
        key = digest.hexdigest()
        if key not in self._known:
            if self._schema is None:
                self._schema = MappingSchema(self._catalogue, dialect="postgres")
            self._known[key] = [list(edge) for edge in column_edges(schema, table, compiled, columns, self._schema)]
        return [tuple(edge) for edge in self._known[key]]  # type: ignore[misc]

    def save(self) -> None:
        self._path.write_text(json.dumps(self._known), "utf-8")


def _events(settings: Settings, target: Path, edges: list[ColumnEdge], run_id: str) -> Iterator[dict[str, Any]]:
    """dbt's events in our names and with our column lineage (the integration's own stops at CTEs and ``select *``)."""
    from openlineage.common.provider.dbt.local import DbtLocalArtifactProcessor  # noqa: PLC0415  slow import

    # it warns of each test that reads no model, with the test's whole SQL
    logging.getLogger("openlineage.common.provider.dbt").setLevel(logging.ERROR)
    processor = DbtLocalArtifactProcessor(
        producer=PRODUCER,
        job_namespace=JOBS,
        project_dir=str(settings.dbt_project),
        profile_name=None,
        target=None,
        target_path=str(target),
    )
    processor.should_raise_on_unsupported_command = False
    sources: dict[str, list[ColumnEdge]] = {}
    for edge in edges:
        sources.setdefault(f"{edge[0]}.{edge[1]}", []).append(edge)
    parent = json.loads(Serde.to_json(job_event("START", "dbt", run_id)))["run"]["facets"]["parent"]
    for event in processor.parse().events():
        document: dict[str, Any] = json.loads(Serde.to_json(event))
        document["run"].setdefault("facets", {})["parent"] = parent
        for dataset in [*document.get("inputs", []), *document.get("outputs", [])]:
            dataset["namespace"] = WAREHOUSE
            dataset["name"] = dataset["name"].split(".", 1)[-1]
            dataset.get("facets", {}).pop("dataSource", None)  # the server's address of that day
        for dataset in document.get("outputs", []):
            facets = json.loads(Serde.to_json(_columns_of(dataset["name"], sources.get(dataset["name"], []))))
            own = facets["outputs"][0].get("facets", {})
            dataset["facets"] = {k: v for k, v in dataset.get("facets", {}).items() if k != "columnLineage"} | own
        yield document


def _columns_of(dataset: str, edges: list[ColumnEdge]) -> RunEvent:
    columns: dict[str, list[ColumnSource]] = {}
    for _, _, column, schema, table, source, via in edges:
        if schema:
            columns.setdefault(column, []).append(ColumnSource(WAREHOUSE, f"{schema}.{table}", source, via))
    return job_event("COMPLETE", "dbt", "", outputs=[Output(dataset, columns)])


def read_catalogue(connection: psycopg.Connection) -> Catalogue:
    """schema → table → column → type, of every table and view outside the system schemas."""
    catalogue: Catalogue = {}
    rows = connection.execute(
        "select n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod)"
        " from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace"
        " where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'v', 'm', 'p')"
        " and n.nspname !~ '^(pg_|information_schema)' order by n.nspname, c.relname, a.attnum"
    )
    for schema, table, column, kind in rows:
        catalogue.setdefault(schema, {}).setdefault(table, {})[column] = kind
    return catalogue


def column_edges(
    schema: str, table: str, compiled: str, columns: Iterable[str], catalogue: MappingSchema
) -> list[ColumnEdge]:
    """Direct sources of every column of one model.

    Args:
        compiled: the SQL that was run.
        catalogue: the warehouse's tables and columns, prepared once for all models.

    A column that comes from no column (a literal, ``count(*)``, a setting of the session) gets an edge to a constant,
    so that every column has lineage and a missing one is noticed.
    """
    tree = _without_temporary_tables(sqlglot.parse_one(compiled, dialect="postgres"))
    qualified = qualify(tree, schema=catalogue, dialect="postgres", validate_qualify_columns=False, identify=False)
    scope = build_scope(qualified)
    edges: list[ColumnEdge] = []
    for column in columns:
        root = lineage(column, qualified, catalogue, dialect="postgres", scope=scope, trim_selects=False, copy=False)
        found = set(_leaves(root))
        edges += [(schema, table, column, *source, "dbt") for source in sorted(found - {CONSTANT})]
        if not found - {CONSTANT}:
            edges.append((schema, table, column, *CONSTANT, "constant"))
    return edges


def _without_temporary_tables(tree: exp.Expression) -> exp.Expression:
    """Put stand-ins for tables that a model's hook makes for its session (``changed_visit``) and no catalogue knows.

    They say which rows a run works on, and hold no column of the result.
    """
    named = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in list(tree.find_all(exp.Table)):
        if table.db or table.name in named or not isinstance(table.this, exp.Identifier):
            continue
        reader = table.find_ancestor(exp.Select)
        read = reader.find_all(exp.Column) if reader else ()
        columns = sorted({c.name for c in read if c.table in ("", table.alias_or_name)}) or ["nothing"]
        stand_in = exp.select(*(exp.alias_(exp.null(), name) for name in columns))
        table.replace(stand_in.subquery(table.alias_or_name))
    return tree


def _leaves(root: Node) -> Iterator[tuple[str, str, str]]:
    for node in root.walk():
        if node.downstream:
            continue
        source = node.source
        if isinstance(source, exp.Table) and source.db:
            yield source.db, source.name, node.name.rsplit(".", 1)[-1].strip('"')
        else:
            yield CONSTANT
