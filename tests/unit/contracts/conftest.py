"""A small sound contract as text, to be spoilt in one place by each test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from governance.contracts import load_contract
from governance.errors import ContractError

PATIENT = """\
apiVersion: v3.1.0
kind: DataContract
id: clinic.patient
name: Register
version: 1.0.0
status: active
servers:
  - {server: exports, type: local, path: clinic/*/patient.csv, format: csv, encoding: utf-8, delimiter: ','}
schema:
  - name: patient
    physicalName: patient
    customProperties:
      - {property: patient_key, value: patient_no}
    quality:
      - {name: left_after_birth, type: custom, engine: xinglin, implementation: left_at >= birth_date, severity: error}
    properties:
      - name: patient_no
        physicalName: NUM
        logicalType: string
        required: true
        primaryKey: true
        customProperties:
          - {property: identifier, value: direct}
          - {property: category, value: PA}
          - {property: level, value: 4}
          - {property: protection, value: [tokenize, encrypt]}
          - {property: token_domain, value: clinic.patient}
      - name: birth_date
        physicalName: BORN
        logicalType: date
        logicalTypeOptions: {format: '%Y%m%d', minimum: '1900-01-01', maximum: now}
        customProperties:
          - {property: identifier, value: quasi}
          - {property: category, value: PA}
          - {property: level, value: 3}
          - {property: protection, value: shift_date}
      - name: left_at
        physicalName: LEFT_AT
        logicalType: timestamp
        logicalTypeOptions: {format: '%Y-%m-%d %H:%M:%S'}
        customProperties:
          - {property: identifier, value: quasi}
          - {property: category, value: HS}
          - {property: level, value: 3}
          - {property: protection, value: shift_date}
      - name: address
        physicalName: ADDRESS
        logicalType: string
        customProperties:
          - {property: identifier, value: direct}
          - {property: category, value: PA}
          - {property: level, value: 4}
          - {property: protection, value: [encrypt, generalize]}
          - {property: generalize_to, value: division_city}
      - name: weight
        physicalName: KG
        logicalType: number
        logicalTypeOptions: {minimum: 0, maximum: 500}
        customProperties:
          - {property: identifier, value: none}
          - {property: category, value: HS}
          - {property: level, value: 2}
          - {property: protection, value: keep}
"""

VISIT = """\
apiVersion: v3.1.0
kind: DataContract
id: clinic.visit
name: Visits
version: 1.0.0
status: active
servers:
  - {server: exports, type: local, path: clinic/*/visit.csv, format: csv, encoding: utf-8, delimiter: ','}
schema:
  - name: visit
    physicalName: visit
    properties:
      - name: patient_no
        physicalName: NUM
        logicalType: string
        relationships: [{to: patient.patient_no}]
        customProperties:
          - {property: identifier, value: direct}
          - {property: category, value: PA}
          - {property: level, value: 4}
          - {property: protection, value: tokenize}
          - {property: token_domain, value: clinic.patient}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of sound contracts: clinic.patient, and clinic.visit that refers to it."""
    (tmp_path / "clinic").mkdir()
    (tmp_path / "clinic" / "patient.odcs.yaml").write_text(PATIENT, "utf-8")
    (tmp_path / "clinic" / "visit.odcs.yaml").write_text(VISIT, "utf-8")
    return tmp_path


@pytest.fixture
def spoil(folder: Path) -> Callable[..., Path]:
    """Replace a text that stands once in a contract file; returns the file."""

    def change(old: str, new: str, table: str = "patient") -> Path:
        path = folder / "clinic" / f"{table}.odcs.yaml"
        text = path.read_text("utf-8")
        assert text.count(old) >= 1, f"{old!r} is not in the contract"
        path.write_text(text.replace(old, new, 1), "utf-8")
        return path

    return change


@pytest.fixture
def refusal(spoil: Callable[..., Path]) -> Callable[..., str]:
    """The message with which the contract is refused after a change."""

    def message(old: str, new: str) -> str:
        path = spoil(old, new)
        with pytest.raises(ContractError) as caught:
            load_contract(path)
        assert str(path) in str(caught.value)
        return str(caught.value)

    return message
