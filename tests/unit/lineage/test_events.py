"""OpenLineage events: what the standard demands stands in each, and no value of a patient."""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime
from typing import Any

import pytest
from openlineage.client.serde import Serde

from governance.contracts import load_catalogue
from governance.lineage.collect import collection_events, contract_edges
from governance.lineage.deidentify import scrubbing_edges, scrubbing_events
from governance.lineage.events import ColumnSource, Output, job_event, run_uuid
from governance.settings import PROJECT


def document(event: Any) -> dict[str, Any]:
    found = json.loads(Serde.to_json(event))
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def catalogue() -> Any:
    return load_catalogue(PROJECT / "include" / "contracts")


def check_run_event(event: dict[str, Any]) -> None:
    """What the specification of OpenLineage 2.0.2 requires of a RunEvent and its facets."""
    assert {"eventTime", "eventType", "run", "job", "producer", "schemaURL"} <= event.keys()
    assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None
    assert event["eventType"] in {"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"}
    assert re.match(r"https://openlineage\.io/spec/\d+-\d+-\d+/OpenLineage\.json#/\$defs/RunEvent", event["schemaURL"])
    uuid.UUID(event["run"]["runId"])
    assert event["job"]["namespace"] and event["job"]["name"]
    facets = [event["run"].get("facets", {}), event["job"].get("facets", {})]
    for dataset in [*event.get("inputs", []), *event.get("outputs", [])]:
        assert dataset["namespace"] and dataset["name"]
        facets += [dataset.get("facets", {}), dataset.get("outputFacets", {})]
    for group in facets:
        for facet in group.values():
            assert {"_producer", "_schemaURL"} <= facet.keys()


@pytest.mark.parametrize("state", ["START", "COMPLETE", "FAIL"])
def test_an_event_holds_what_the_standard_demands(state: str) -> None:
    output = Output("landing.x", {"a": [ColumnSource("deliveries", "x/*.csv", "A")]}, 3)
    error = "CollectionError" if state == "FAIL" else None
    check_run_event(
        document(job_event(state, "collect.x", "r1", inputs=[("deliveries", "x/*.csv")], outputs=[output], error=error))
    )


def test_events_of_one_run_and_job_share_a_run_id() -> None:
    assert run_uuid("r", "a") == run_uuid("r", "a") != run_uuid("r", "b") != run_uuid("s", "b")


def test_an_event_names_the_lifecycle_run_as_its_parent() -> None:
    event = document(job_event("START", "collect", "r1"))
    assert event["run"]["facets"]["parent"]["run"]["runId"] == run_uuid("r1", "lifecycle")


def test_collection_tells_rows_and_the_source_of_each_column(catalogue: Any) -> None:
    start, end = [document(e) for e in collection_events(catalogue.contracts["his.patient"], "r1", 12)]
    check_run_event(start)
    check_run_event(end)
    landing, vault = end["outputs"]
    assert landing["outputFacets"]["outputStatistics"]["rowCount"] == 12
    (source,) = landing["facets"]["columnLineage"]["fields"]["name_index"]["inputFields"]
    assert (source["name"], source["field"], source["transformations"][0]["masking"]) == ("his/*/HZXX.csv", "XM", True)
    assert vault["name"] == "vault.his_patient"


def test_a_kept_column_is_not_masked(catalogue: Any) -> None:
    _, end = [document(e) for e in collection_events(catalogue.contracts["lis.result"], "r1", 1)]
    (source,) = end["outputs"][0]["facets"]["columnLineage"]["fields"]["value"]["inputFields"]
    assert (source["transformations"][0]["subtype"], source["transformations"][0]["masking"]) == ("IDENTITY", False)


def test_every_landing_column_of_every_contract_has_an_edge(catalogue: Any) -> None:
    from governance.contracts.ddl import SYSTEM_COLUMNS, landing_columns  # noqa: PLC0415

    assert catalogue.contracts
    for contract in catalogue.contracts.values():
        have = {edge[2] for edge in contract_edges(contract) if edge[0] == "landing"}
        assert have == {c.name for c in landing_columns(contract)} | {name for name, _ in SYSTEM_COLUMNS}


def test_scrubbing_names_every_free_text_of_the_contracts(catalogue: Any) -> None:
    _, end = [document(e) for e in scrubbing_events(catalogue, "r1")]
    check_run_event(end)
    fields = end["outputs"][0]["facets"]["columnLineage"]["fields"]["text"]["inputFields"]
    assert ("vault.emr_note", "text") in {(f["name"], f["field"]) for f in fields}


def test_edges_of_scrubbing_are_distinct_per_source(catalogue: Any) -> None:
    edges = set(scrubbing_edges(catalogue))
    assert len({edge[:6] for edge in edges}) == len(edges)
