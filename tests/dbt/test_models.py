"""Rules that every model of a zone keeps (docs: house style of dbt models)."""

from __future__ import annotations

import re
from typing import Any

import pytest

ZONES = ("base", "deid", "specialty", "research")
HELD_BACK = "held_back"  # its columns are those of deid, whose contract lists them
CATEGORIES = {"PA", "HS", "MA", "PY", "HR", "PH"}
LAYER_TAGS = {
    "staging": "standardize", "base": "standardize", "deid": "deidentify", HELD_BACK: "deidentify",
    "specialty": "publish", "research": "publish", "lineage": "publish",
}  # fmt: skip


def _of_zone(models: list[Any], zone: str) -> list[Any]:
    found = [model for model in models if model.config.schema == zone]
    assert found, f"no model in zone {zone}"
    return found


def _tested_keys(manifest: Any, model: Any) -> list[str]:
    children = [manifest.nodes[name] for name in manifest.child_map[model.unique_id] if name in manifest.nodes]
    generic = [node for node in children if getattr(node, "attached_node", None) == model.unique_id]
    return [test.name for test in generic if test.test_metadata.name.startswith("unique")]


@pytest.mark.parametrize("zone", ZONES)
def test_contract_is_enforced(models: list[Any], zone: str) -> None:
    assert [m.name for m in _of_zone(models, zone) if not m.config.contract.enforced] == []


@pytest.mark.parametrize("zone", (*ZONES, HELD_BACK))
def test_description_opens_with_the_grain(models: list[Any], zone: str) -> None:
    assert [m.name for m in _of_zone(models, zone) if not m.description.startswith("One row per")] == []


@pytest.mark.parametrize("zone", (*ZONES, HELD_BACK))
def test_key_is_tested(manifest: Any, models: list[Any], zone: str) -> None:
    assert [m.name for m in _of_zone(models, zone) if not _tested_keys(manifest, m)] == []


@pytest.mark.parametrize("zone", (*ZONES, HELD_BACK))
def test_meta_names_owner_class_level_and_retention(models: list[Any], zone: str) -> None:
    for model in _of_zone(models, zone):
        meta = model.config.meta
        assert meta.get("owner"), model.name
        assert meta.get("data_class") in CATEGORIES, model.name
        assert meta.get("level") in range(1, 6), model.name
        # how long after the last contact (ISO 8601 period), or the day on which a project's approval ends
        assert re.fullmatch(r"P\d+Y|\d{4}-\d{2}-\d{2}", str(meta.get("retention"))), model.name


@pytest.mark.parametrize("zone", ZONES)
def test_every_column_is_described(models: list[Any], zone: str) -> None:
    bare = [
        f"{m.name}.{name}"
        for m in _of_zone(models, zone)
        for name, column in m.columns.items()
        if not column.description
    ]
    assert bare == []


def test_base_rows_keep_person_source_row_and_batch(models: list[Any]) -> None:
    for model in _of_zone(models, "base"):
        assert "_batch_id" in model.columns, model.name
        assert {"_row_id", "_row_ids"} & set(model.columns), model.name
        assert "person_key" in model.columns, model.name


def test_layer_tags_select_whole_layers(models: list[Any]) -> None:
    for model in models:
        if model.config.schema in LAYER_TAGS:
            assert LAYER_TAGS[model.config.schema] in model.tags, model.name


def test_no_zone_reads_a_zone_behind_it(manifest: Any, models: list[Any]) -> None:
    order = {name: place for place, name in enumerate(("staging", "base", "deid", "specialty", "research"))}
    for model in models:
        for name in model.depends_on.nodes:
            parent = manifest.nodes.get(name)
            if parent is not None and {model.config.schema, parent.config.schema} <= set(order):
                assert order[parent.config.schema] <= order[model.config.schema], f"{model.name} reads {parent.name}"


def test_of_the_shipped_models_only_deid_reads_what_is_held_back(manifest: Any, models: list[Any]) -> None:
    """For the rows that leave it, and to count; a project's view reads it when its specification asks."""
    held_back = {model.unique_id for model in _of_zone(models, HELD_BACK)}
    readers = {model.name for model in models if held_back & set(model.depends_on.nodes)}
    assert readers == {f"deid_{name.rpartition('held_back_')[2]}" for name in held_back} | {"deid_withheld"}
    assert {model.config.meta["level"] for model in _of_zone(models, HELD_BACK)} == {5}
