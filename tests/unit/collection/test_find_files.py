"""Which files are deliveries, and in which order they are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from governance.collection.reading import find_files
from governance.contracts import Catalogue, Contract
from governance.contracts.model import Reference


@pytest.fixture
def catalogue(contracts: Callable[..., Contract], fields: Callable[..., object]) -> Catalogue:
    parent = contracts(["a"], id="clinic.zebra", table="zebra", delivery={"path": "clinic/*/zebra.csv"})
    child = contracts(
        [fields("a", reference=Reference(source="clinic", table="zebra", field="a"))],
        id="clinic.ant", table="ant", delivery={"path": "clinic/*/ant.csv"},
    )  # fmt: skip
    return Catalogue({c.id: c for c in (parent, child)}, {})


def deliver(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_no_deliveries_are_no_files(catalogue: Catalogue, tmp_path: Path) -> None:
    assert find_files(catalogue, "clinic", tmp_path) == []


def test_parents_come_before_children_within_a_delivery_and_deliveries_in_order(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    deliver(tmp_path, "clinic/2026-06-02/ant.csv", "clinic/2026-06-01/ant.csv", "clinic/2026-06-01/zebra.csv")
    assert [(f.delivery, f.contract.table) for f in find_files(catalogue, "clinic", tmp_path)] == [
        ("2026-06-01", "zebra"), ("2026-06-01", "ant"), ("2026-06-02", "ant"),
    ]  # fmt: skip


def test_other_files_and_folders_of_that_name_are_left_alone(catalogue: Catalogue, tmp_path: Path) -> None:
    deliver(tmp_path, "clinic/2026-06-01/ant.csv.part", "ward/2026-06-01/ant.csv")
    (tmp_path / "clinic/2026-06-01/zebra.csv").mkdir()
    assert find_files(catalogue, "clinic", tmp_path) == []


def test_a_flat_folder_is_one_delivery_without_a_name(contracts: Callable[..., Contract], tmp_path: Path) -> None:
    flat = contracts(["a"], delivery={"path": "table.csv"})
    deliver(tmp_path, "table.csv")
    assert [f.delivery for f in find_files(Catalogue({flat.id: flat}, {}), "clinic", tmp_path)] == [""]
