"""Golden contracts: folders of contract files, and what is made of them: tables, or the messages that refuse them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from governance.contracts import load_catalogue
from governance.contracts.ddl import landing_columns, vault_columns
from governance.settings import PROJECT

CASES = sorted(path for path in (PROJECT / "tests" / "golden" / "contracts").iterdir() if path.is_dir())


def outcome(folder: Path) -> dict[str, Any]:
    """Tables with their columns by source, and the messages of the sources that failed."""
    catalogue = load_catalogue(folder)
    return {
        "tables": {
            contract.relation: {
                "landing": {c.name: c.sql_type for c in landing_columns(contract)},
                "vault": {c.name: c.sql_type for c in vault_columns(contract)},
            }
            for source in catalogue.sources
            for contract in catalogue.of_source(source)
        },
        "failures": {
            source: [message.replace(f"{folder}/", "") for message in messages]
            for source, messages in catalogue.failures.items()
        },
    }


def test_there_are_golden_cases() -> None:
    assert {case.name for case in CASES} >= {"register", "unknown_key", "no_protection", "circle"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_outcome_is_as_written(case: Path) -> None:
    expected = case / "expected" / "outcome.json"
    found = outcome(case / "input")
    if os.environ.get("XINGLIN_REWRITE_GOLDEN"):  # look at the difference before you commit it
        expected.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")
    assert found == json.loads(expected.read_text("utf-8"))
