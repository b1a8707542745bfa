"""Lineage on a real server: from a mart row to the delivered line, and from dbt's own run to columns and events.

The marts of this file are made by hand, so that what is traced is known; the dbt project is a small one of its own.
"""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from governance.database import Role, connect
from governance.errors import LineageError, TransformationError
from governance.keys import open_keyring
from governance.lifecycle.records import stage_run
from governance.lineage.events import run_uuid
from governance.lineage.trace import Trace, example_key, trace
from governance.settings import PROJECT
from governance.transformation import parsed
from governance.transformation.run import LayerRun, run_layer
from tests.conftest import Warehouse, new_database
from tests.integration.conftest import copy_of

pytestmark = pytest.mark.integration
MARTS = """
    create table specialty.demo_patient as
        select patient_no as patient_key, md5(_row_id::text)::uuid as lineage_id, 'run-7'::text as _run_id,
            '1.0.0'::text as _policy_version, '1.0.0'::text as _contract_version from landing.his_patient;
    create table lineage.specialty__demo_patient as
        select md5(_row_id::text)::uuid as lineage_id, array[_row_id] as row_ids from landing.his_patient;
    create table specialty.demo_report as
        select pathology_no as report_key, md5(_row_id::text)::uuid as lineage_id, 'run-7'::text as _run_id,
            '1.0.0'::text as _policy_version, '1.0.0'::text as _contract_version from landing.path_report;
    create table lineage.specialty__demo_report as
        select md5(r._row_id::text)::uuid as lineage_id, array_agg(distinct i) as row_ids
        from landing.path_report r left join landing.pacs_study s using (name_index),
            unnest(array[r._row_id, s._row_id]) i where i is not null group by 1;
    insert into governance.column_lineage values
        ('specialty', 'demo_patient', 'patient_key', 'base', 'demo', 'patient_key', 'dbt'),
        ('specialty', 'demo_patient', '_run_id', '', '', '', 'constant'),
        ('base', 'demo', 'patient_key', 'landing', 'his_patient', 'patient_no', 'dbt');
"""


@pytest.fixture(scope="module")
def marts(collected: Warehouse) -> Iterator[Warehouse]:
    with copy_of(collected) as made:
        with psycopg.connect(made.superuser_dsn()) as connection:
            connection.execute(MARTS)
        yield made


def follow(warehouse: Warehouse, table: str, key: object) -> Trace:
    with connect(warehouse.dsn(Role.AUDIT)) as connection:
        return trace(connection, table, str(key))


def fetch(warehouse: Warehouse, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(warehouse.superuser_dsn()) as connection:
        return connection.execute(query, values or None).fetchall()  # type: ignore[arg-type]


def first_field(path: Path, line: int, encoding: str) -> str:
    """The first field of the row that begins at a physical line of a delivered file."""
    lines = path.read_bytes().split(b"\n")[line - 1 :]
    text = b"\n".join(lines[:200]).decode(encoding, "replace")
    return next(csv.reader(io.StringIO(text, newline="")))[0]


# -- rows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "table", ["", "demo_patient", "vault.his_patient", "specialty.", 'specialty."; drop table x', "governance.batch"]
)
def test_what_is_no_mart_is_refused(marts: Warehouse, table: str) -> None:
    with pytest.raises(LineageError):
        follow(marts, table, "1")


def test_a_mart_that_does_not_exist_is_named(marts: Warehouse) -> None:
    with pytest.raises(LineageError, match=r"there is no mart 'specialty\.nothing'; has the publish stage run"):
        follow(marts, "specialty.nothing", "1")


@pytest.mark.parametrize("key", ["", "1", "' or true --", str(uuid.UUID(int=0))])
def test_an_unknown_key_is_refused(marts: Warehouse, key: str) -> None:
    with pytest.raises(LineageError, match="has no row whose patient_key or lineage_id is the given key"):
        follow(marts, "specialty.demo_patient", key)


def test_every_patient_leads_to_the_line_that_holds_its_number(marts: Warehouse) -> None:
    keys = fetch(marts, "select patient_key from specialty.demo_patient order by md5(patient_key::text) limit 25")
    tokeniser = open_keyring(marts.settings.keyring).tokeniser()
    assert keys
    for (key,) in keys:
        found = follow(marts, "specialty.demo_patient", key)
        for row in found.rows:
            number = first_field(marts.settings.deliveries / row.file, row.line, "gb18030")
            assert (row.source, row.source_table) == ("his", "patient")
            assert tokeniser.tokens("his.patient", [number]) == [key.hex]


def test_a_multi_line_report_leads_to_the_line_where_it_begins(marts: Warehouse) -> None:
    keys = fetch(marts, "select report_key from specialty.demo_report order by 1 limit 20")
    tokeniser = open_keyring(marts.settings.keyring).tokeniser()
    assert keys
    for (key,) in keys:
        (row,) = [row for row in follow(marts, "specialty.demo_report", key).rows if row.source == "path"]
        number = first_field(marts.settings.deliveries / row.file, row.line, "utf-8-sig")
        assert tokeniser.tokens("path.report", [number]) == [key.hex]


def test_a_row_of_two_systems_leads_to_both(marts: Warehouse) -> None:
    (key,) = fetch(
        marts, "select report_key from specialty.demo_report join lineage.specialty__demo_report using (lineage_id)"
        " where cardinality(row_ids) > 1 limit 1"
    )[0]  # fmt: skip
    assert {row.source for row in follow(marts, "specialty.demo_report", key).rows} == {"path", "pacs"}


def test_a_trace_tells_run_versions_and_batch(marts: Warehouse) -> None:
    with connect(marts.dsn(Role.AUDIT)) as connection:
        key = example_key(connection, "specialty.demo_patient")
    found = follow(marts, "specialty.demo_patient", key)
    assert (found.run_id, found.policy_version, found.contract_version) == ("run-7", "1.0.0", "1.0.0")
    assert (found.rows[0].collected_by, found.rows[0].contract_version) == ("first", "1.0.0")


def test_a_trace_tells_the_delivered_column_or_the_constant_of_each_column(marts: Warehouse) -> None:
    with connect(marts.dsn(Role.AUDIT)) as connection:
        key = example_key(connection, "specialty.demo_patient")
    assert follow(marts, "specialty.demo_patient", key).columns == {
        "patient_key": ["his/*/HZXX.csv · BRID"], "_run_id": ["constant"],
    }  # fmt: skip


def test_a_trace_holds_no_value_of_the_row(marts: Warehouse) -> None:
    (key,) = fetch(marts, "select patient_key from specialty.demo_patient limit 1")[0]
    found = follow(marts, "specialty.demo_patient", key)
    number = first_field(marts.settings.deliveries / found.rows[0].file, found.rows[0].line, "gb18030")
    assert number not in str(found)


def test_a_source_row_of_no_batch_is_named_by_its_id(marts: Warehouse) -> None:
    with psycopg.connect(marts.superuser_dsn()) as connection:
        (key, first) = connection.execute(
            "update lineage.specialty__demo_patient l set row_ids = l.row_ids || array[4294967296123456]"
            " from specialty.demo_patient p where p.lineage_id = l.lineage_id and p.patient_key ="
            " (select max(patient_key::text)::uuid from specialty.demo_patient) returning p.lineage_id, l.row_ids[1]"
        ).fetchone() or ("", "")
        with pytest.raises(LineageError, match=r"1 source row\(s\) belong to no batch, first id 4294967296123456"):
            trace(connection, "specialty.demo_patient", str(key))
        connection.rollback()
    assert first


def test_a_row_without_recorded_sources_is_refused(marts: Warehouse) -> None:
    with psycopg.connect(marts.superuser_dsn()) as connection:
        connection.execute("delete from lineage.specialty__demo_patient")
        with pytest.raises(LineageError, match="no source rows are recorded; run `xinglin verify`"):
            trace(connection, "specialty.demo_patient", str(example_key(connection, "specialty.demo_patient")))
        connection.rollback()


# -- collection and stages -------------------------------------------------------------------------------------------


def test_collection_emitted_a_start_and_an_end_with_rows_for_each_table(collected: Warehouse) -> None:
    for job, rows in fetch(
        collected,
        "select job, max((event #>> '{outputs,0,outputFacets,outputStatistics,rowCount}')::int)"
        " from governance.lineage_event"
        " where job like 'collect.%%' group by 1 having count(distinct event_type) = 2",
    ):
        relation = job.removeprefix("collect.")
        assert rows == fetch(collected, f"select count(*) from landing.{relation}")[0][0]
    assert fetch(collected, "select count(distinct job) from governance.lineage_event where job like 'collect.%%'") == [
        (13,)
    ]


def test_every_column_of_landing_and_vault_values_leads_to_a_delivered_column(collected: Warehouse) -> None:
    without = fetch(
        collected,
        "select table_schema, table_name, column_name from information_schema.columns c"
        " where table_schema in ('landing', 'vault') and table_name not in ('pseudonym', 'project_salt')"
        " and not (table_schema = 'vault' and column_name like '\\_%%') and not exists ("
        "  select from governance.column_lineage l where (l.schema_name, l.table_name, l.column_name)"
        "  = (c.table_schema, c.table_name, c.column_name) and l.source_schema = 'deliveries')",
    )
    assert without == []


def test_a_failed_stage_leaves_its_kind_of_error_and_no_message(empty_warehouse: Warehouse) -> None:
    dsn = empty_warehouse.dsn(Role.COLLECT)
    with pytest.raises(ValueError, match="禤馥莼"), stage_run(dsn, "r1", "collect", empty_warehouse.settings):
        raise ValueError("禤馥莼")
    assert fetch(empty_warehouse, "select state, details ->> 'error' from governance.stage_run") == [
        ("failed", "ValueError")
    ]
    ends = fetch(empty_warehouse, "select event::text from governance.lineage_event where event_type = 'FAIL'")
    assert len(ends) == 1
    assert "ValueError" in ends[0][0] and "禤馥莼" not in ends[0][0]


def test_a_stage_that_ended_well_has_its_counts(empty_warehouse: Warehouse) -> None:
    with stage_run(empty_warehouse.dsn(Role.COLLECT), "r1", "collect", empty_warehouse.settings) as record:
        record.rows_in, record.rows_out, record.withdrawn = 5, 4, 1
    assert fetch(
        empty_warehouse, "select state, rows_in, rows_out, withdrawn, ended_at is not null from governance.stage_run"
    ) == [("success", 5, 4, 1, True)]


# -- dbt -------------------------------------------------------------------------------------------------------------

PROJECT_FILES = {
    "dbt_project.yml": """
name: small
version: "1.0"
profile: xinglin
models: {small: {+schema: base, +materialized: table}}
seeds: {small: {+schema: reference, +tags: [standardize]}}
""",
    "macros/names.sql": "{% macro generate_schema_name(custom, node) %}{{ custom or target.schema }}{% endmacro %}",
    "seeds/colour.csv": "code,name\nr,red\ng,green\n",
    "models/demo_result.sql": """
{{ config(tags=['standardize']) }}
with result as (select * from landing.lis_result)
select r.test_code, max(r.value) as top, c.name as colour, current_setting('xinglin.run_id') as _run_id,
    current_setting('xinglin.policy_version') as _policy_version
from result r left join {{ ref('colour') }} c on c.code = r.abnormal_flag group by 1, 3
""",
    "models/broken.sql": "{{ config(tags=['publish']) }}\nselect '禤馥莼'::integer as a",
}


@dataclass(frozen=True)
class Built:
    """A layer that was built by the small project."""

    warehouse: Warehouse
    run: LayerRun


@pytest.fixture(scope="module")
def built(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("project")
    for name, text in PROJECT_FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    (folder / "profiles.yml").write_text((PROJECT / "dbt_project" / "profiles.yml").read_text("utf-8"), "utf-8")
    with new_database(warehouse) as made:
        small = Warehouse(
            made.settings.model_copy(update={"dbt_project": folder}), made.server, made.secrets, made.database
        )
        with connect(small.dsn(Role.COLLECT)) as connection:
            connection.execute(
                "insert into landing.lis_result (test_code, value, abnormal_flag, _row_id, _batch_id, _row_number,"
                " _row_hash)"
                " values ('WBC', 5, 'r', 1, 1, 1, gen_random_uuid())"
            )
        yield Built(small, build(small, "standardize"))


def build(warehouse: Warehouse, layer: str) -> LayerRun:
    return run_layer(
        layer,
        warehouse.dsn(Role.TRANSFORM),
        warehouse.settings,
        "run 7",
        horizon=1,
        policy_version="1.0.0",
        contract_version="2.1",
    )


def test_a_layer_tells_each_nodes_state_and_rows(built: Built) -> None:
    assert {(n.node, n.resource_type, n.state) for n in built.run.nodes} == {
        ("colour", "seed", "success"), ("demo_result", "model", "success"),
    }  # fmt: skip
    assert fetch(built.warehouse, "select rows from governance.model_run where node = 'demo_result'") == [(1,)]


def test_what_was_parsed_serves_another_database(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsed, "parse", None)  # nothing is parsed again
    monkeypatch.setenv("XINGLIN_PG_DATABASE", "other")
    settings = built.warehouse.settings
    nodes = parsed.parsed_project(settings.dbt_project, settings.state / "dbt").nodes
    assert {node.database for node in nodes.values()} == {"other"}
    assert nodes["model.small.demo_result"].relation_name == '"other"."base"."demo_result"'


def test_run_and_versions_reach_the_models_through_the_session(built: Built) -> None:
    assert fetch(built.warehouse, "select _run_id, _policy_version from base.demo_result") == [("run 7", "1.0.0")]


def test_columns_of_a_dbt_model_have_their_sources(built: Built) -> None:
    edges = fetch(
        built.warehouse,
        "select column_name, source_schema, source_table, source_column from governance.column_lineage"
        " where schema_name = 'base' and table_name = 'demo_result' order by 1",
    )
    assert edges == [
        ("_policy_version", "", "", ""),
        ("_run_id", "", "", ""),
        ("colour", "reference", "colour", "name"),
        ("test_code", "landing", "lis_result", "test_code"),
        ("top", "landing", "lis_result", "value"),
    ]


def test_columns_of_a_seed_lead_to_its_file(built: Built) -> None:
    assert fetch(
        built.warehouse,
        "select column_name, source_schema, source_table from governance.column_lineage"
        " where table_name = 'colour' order by 1",
    ) == [("code", "repository", "seeds/colour.csv"), ("name", "repository", "seeds/colour.csv")]


def test_dbt_events_are_openlineage_in_our_names(built: Built) -> None:
    events = fetch(built.warehouse, "select event from governance.lineage_event")
    assert {event["eventType"] for (event,) in events} == {"START", "COMPLETE"}
    for (event,) in events:
        assert {"eventTime", "eventType", "run", "job", "producer", "schemaURL"} <= event.keys()
        uuid.UUID(event["run"]["runId"])
        assert event["job"]["namespace"] == "xinglin"
    outputs = {(o["namespace"], o["name"]) for (event,) in events for o in event.get("outputs", [])}
    assert ("warehouse", "base.demo_result") in outputs


def test_dbt_events_tell_the_same_column_lineage_as_the_warehouse(built: Built) -> None:
    ((facet,),) = fetch(
        built.warehouse,
        "select event #> '{outputs,0,facets,columnLineage,fields}' from governance.lineage_event"
        " where event_type = 'COMPLETE'",
    )
    sources = {c: [(f["namespace"], f["name"], f["field"]) for f in v["inputFields"]] for c, v in facet.items()}
    assert sources == {
        "colour": [("warehouse", "reference.colour", "name")],
        "test_code": [("warehouse", "landing.lis_result", "test_code")],
        "top": [("warehouse", "landing.lis_result", "value")],
    }


def test_dbt_events_name_the_lifecycle_run_as_their_parent(built: Built) -> None:
    parents = fetch(
        built.warehouse, "select distinct event #>> '{run,facets,parent,run,runId}' from governance.lineage_event"
    )
    assert parents == [(run_uuid("run 7", "lifecycle"),)]


def test_a_failed_node_is_named_without_the_value_that_broke_it(built: Built) -> None:
    with pytest.raises(TransformationError, match=r"layer 'publish': 1 node\(s\) failed: model broken") as caught:
        build(built.warehouse, "publish")
    assert "禤馥莼" not in str(caught.value)
    recorded = fetch(built.warehouse, "select state, message from governance.model_run where node = 'broken'")
    assert [state for state, _ in recorded] == ["error"]
    assert "禤馥莼" not in str(recorded)


def test_a_job_of_the_lifecycle_has_one_run_id_for_all_its_events(empty_warehouse: Warehouse) -> None:
    with stage_run(empty_warehouse.dsn(Role.COLLECT), "r1", "collect", empty_warehouse.settings):
        pass
    assert fetch(empty_warehouse, "select distinct run_id from governance.lineage_event") == [
        (run_uuid("r1", "collect"),)
    ]
