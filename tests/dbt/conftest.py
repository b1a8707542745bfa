"""The dbt project as set-up parsed it; after a change it is parsed anew (no warehouse is touched)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from governance.transformation.parsed import parsed_project

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Manifest of the project: nodes, sources, tests, as dbt itself resolves them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XINGLIN_DBT_PASSWORD", "unused")
        found = parsed_project(PROJECT / "dbt_project", tmp_path_factory.mktemp("dbt"))
    found.build_parent_and_child_maps()
    return found


@pytest.fixture(scope="session")
def models(manifest: Any) -> list[Any]:
    """All models of the project."""
    found = [node for node in manifest.nodes.values() if node.resource_type == "model"]
    assert found
    return found


@pytest.fixture(scope="session")
def feeders(models: list[Any]) -> list[Any]:
    """Staging models."""
    found = [node for node in models if node.config.schema == "staging"]
    assert found
    return found
