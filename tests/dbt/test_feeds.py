"""How sources reach base: staging models, the list of feeds, and what contracts say of it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from governance.contracts import Catalogue, load_catalogue
from governance.contracts.ddl import landing_columns

PROJECT = Path(__file__).resolve().parents[2]
SYSTEM_COLUMNS = {"_row_id", "_batch_id", "_row_number", "_row_hash"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    found = load_catalogue(PROJECT / "include" / "contracts")
    assert found.failures == {}
    assert found.contracts
    return found


def test_feeds_name_every_staging_model_once(feeders: list[Any]) -> None:
    declared: dict[str, set[str]] = defaultdict(set)
    for model in feeders:
        declared[model.config.meta["feeds"]].add(model.name)
    listed = yaml.safe_load((PROJECT / "dbt_project" / "dbt_project.yml").read_text("utf-8"))["vars"]["feeds"]
    assert {entity: sorted(names) for entity, names in declared.items()} == {e: sorted(n) for e, n in listed.items()}


def test_staging_model_reads_one_source_table_of_its_own_folder(manifest: Any, feeders: list[Any]) -> None:
    for model in feeders:
        read = [manifest.sources[name] for name in model.depends_on.nodes if name.startswith("source.")]
        assert [table.name for table in read] == [model.config.meta["landing"]], model.name
        assert Path(model.original_file_path).parent.name == read[0].source_name, model.name


def test_staging_model_does_not_join(feeders: list[Any]) -> None:
    assert [m.name for m in feeders if " join " in f" {m.raw_code.lower()} "] == []


def test_natural_key_stands_in_landing(feeders: list[Any], catalogue: Catalogue) -> None:
    relations = {contract.relation: contract for contract in catalogue.contracts.values()}
    for model in feeders:
        columns = {column.name for column in landing_columns(relations[model.config.meta["landing"]])} | SYSTEM_COLUMNS
        assert set(model.config.meta["natural_key"]) <= columns, model.name


def test_fields_map_to_columns_that_base_has(models: list[Any], catalogue: Catalogue) -> None:
    columns = {f"{m.alias}.{name}" for m in models if m.config.schema == "base" for name in m.columns}
    targets = {target for c in catalogue.contracts.values() for field in c.fields for target in field.maps_to}
    assert targets
    assert targets - columns == set()


def test_only_staging_and_configuration_know_the_sources(models: list[Any], catalogue: Catalogue) -> None:
    """A new source must not need SQL outside its own folder; code values of a source stand in seeds."""
    for model in models:
        if model.config.schema in ("base", "intermediate"):
            assert "source_system = '" not in model.raw_code, model.name
            assert [
                s for s in catalogue.sources if f"stg_{s}__" in model.raw_code or f"source('{s}'" in model.raw_code
            ] == [], model.name
