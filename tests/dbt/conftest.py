"""The dbt project, parsed once a session in this process (no warehouse is touched)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Manifest of the project: nodes, sources, tests, as dbt itself resolves them."""
    from dbt.cli.main import dbtRunner  # noqa: PLC0415  a heavy import, needed here only

    scratch = tmp_path_factory.mktemp("dbt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_TARGET_PATH", str(scratch / "target"))
        patch.setenv("DBT_LOG_PATH", str(scratch / "logs"))
        patch.setenv("XINGLIN_DBT_PASSWORD", "unused")
        folder = str(PROJECT / "dbt_project")
        result = dbtRunner().invoke(
            ["parse", "--project-dir", folder, "--profiles-dir", folder, "--no-partial-parse", "--quiet"]
        )
        assert result.success, result.exception
        yield result.result


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
