"""Tables derived from a contract: columns, types, vault; widened, never narrowed (on a real server: integration)."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.contracts import Contract, load_contract
from governance.contracts.ddl import landing_columns, table_statements, vault_columns


@pytest.fixture
def contract(folder: Path) -> Contract:
    return load_contract(folder / "clinic" / "patient.odcs.yaml")


def test_landing_holds_tokens_plain_and_general_values_in_the_contracts_order(contract: Contract) -> None:
    assert [(c.name, c.sql_type) for c in landing_columns(contract)] == [
        ("patient_no", "uuid"),
        ("birth_date", "date"),
        ("left_at", "timestamp"),
        ("address_general", "text"),
        ("weight", "numeric"),
    ]


def test_landing_holds_no_encrypted_value(contract: Contract) -> None:
    assert "address" not in {c.name for c in landing_columns(contract)}


def test_the_vault_holds_ciphertext_only(contract: Contract) -> None:
    assert [(c.name, c.sql_type) for c in vault_columns(contract)] == [("patient_no", "bytea"), ("address", "bytea")]


def test_a_contract_that_encrypts_nothing_has_no_vault_table(folder: Path) -> None:
    visit = load_contract(folder / "clinic" / "visit.odcs.yaml")
    assert not any("vault" in statement.as_string(None) for statement in table_statements(visit))


def test_every_column_comment_names_class_and_protection(contract: Contract) -> None:
    comments = [s.as_string(None) for s in table_statements(contract) if "comment on column" in s.as_string(None)]
    assert any("GB/T 39725 PA L4; tokenize" in comment for comment in comments)
    assert len(comments) == len(landing_columns(contract)) + len(vault_columns(contract))
