"""Dependencies point one way: dags → governance → anonymization; read from the syntax trees of all modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEMO = {"governance/runtime/sample.py", "governance/runtime/demo.py"}  # may use the generator of the sample hospital


def imported(tree: ast.AST) -> Iterator[str]:
    """Modules that a file imports, at its top or inside a function, also by ``importlib.import_module("…")``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module":
            yield from (a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))


def forbidden(path: str, tree: ast.AST) -> Iterator[str]:
    """What a file imports against the rules."""
    for module in imported(tree):
        package = module.split(".")[0]
        if path.startswith("anonymization/"):
            wrong = package in {"governance", "airflow", "dbt", "include", "dags", "wiring", "psycopg", "typer"}
        elif path.startswith("governance/"):
            wrong = package in {"dags", "wiring"}
            wrong |= package == "airflow" and not path.startswith("governance/runtime/")
            wrong |= package == "include" and path not in DEMO
        else:  # a DAG: only wires
            wrong = package in {"anonymization", "dbt", "polars", "pandas", "include"}
        if wrong:
            yield f"{path} imports {module}"


def modules(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert len(found) > 5
    return found


@pytest.mark.parametrize("folder", ["anonymization", "governance", "dags"])
def test_nothing_is_imported_against_the_direction(folder: str) -> None:
    wrong = []
    for path in modules(folder):
        wrong += forbidden(str(path.relative_to(ROOT)), ast.parse(path.read_text("utf-8")))
    assert sorted(set(wrong)) == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("anonymization/text.py", "from governance.settings import Settings"),
        ("anonymization/text.py", "def f():\n    import psycopg"),
        ("governance/collection/gate.py", "from airflow.sdk import task"),
        ("governance/collection/gate.py", "importlib.import_module('airflow.models')"),
        ("governance/lineage/store.py", "from include.sample_hospital import generate"),
        ("governance/cli.py", "from wiring.assets import LANDING"),
        ("dags/collect.py", "import polars"),
    ],
)
def test_a_wrong_import_is_found(path: str, line: str) -> None:
    assert list(forbidden(path, ast.parse(line))) != []


@pytest.mark.parametrize(
    ("path", "line"), [("governance/runtime/preload.py", "import airflow"), ("dags/x.py", "import governance")]
)
def test_a_right_import_is_let_through(path: str, line: str) -> None:
    assert list(forbidden(path, ast.parse(line))) == []
