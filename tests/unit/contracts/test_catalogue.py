"""The catalogue: a malformed file fails its own source alone, and references lead somewhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from governance.contracts import load_catalogue

Spoil = Callable[..., Path]


def test_an_empty_folder_has_no_sources(tmp_path: Path) -> None:
    assert load_catalogue(tmp_path).sources == []


def test_a_malformed_file_fails_its_own_source_alone(folder: Path, spoil: Spoil) -> None:
    shutil.copytree(folder / "clinic", folder / "ward")
    for path in (folder / "ward").iterdir():
        path.write_text(path.read_text("utf-8").replace("clinic.", "ward."), "utf-8")
    spoil("required: true", "requird: true")
    catalogue = load_catalogue(folder)
    assert catalogue.sources == ["ward"]
    assert list(catalogue.failures) == ["clinic"]


def test_one_source_is_loaded_as_among_all(folder: Path, spoil: Spoil) -> None:
    shutil.copytree(folder / "clinic", folder / "ward")
    for path in (folder / "ward").iterdir():
        path.write_text(path.read_text("utf-8").replace("clinic.", "ward."), "utf-8")
    visit = folder / "ward" / "visit.odcs.yaml"
    text = visit.read_text("utf-8")
    visit.write_text(text.replace("to: patient.patient_no", "to: clinic.patient.patient_no"), "utf-8")
    for _ in range(2):
        everything = load_catalogue(folder)
        one = load_catalogue(folder, "ward")
        assert one.failures == {key: value for key, value in everything.failures.items() if key == "ward"}
        assert one.contracts == {c.id: c for c in everything.contracts.values() if c.source == "ward"}
        visit.write_text(text.replace("to: patient.patient_no", "to: clinic.patient.number"), "utf-8")
    assert "refers to clinic.patient.number" in one.failures["ward"][0]


def test_an_unknown_source_has_no_contracts(folder: Path) -> None:
    assert load_catalogue(folder, "ward").sources == []


def test_no_contract_of_a_failed_source_is_used(folder: Path, spoil: Spoil) -> None:
    spoil("required: true", "requird: true")
    assert load_catalogue(folder).contracts == {}


def test_parents_come_before_children(folder: Path) -> None:
    assert [c.table for c in load_catalogue(folder).of_source("clinic")] == ["patient", "visit"]


def test_a_reference_to_no_table_is_named(folder: Path, spoil: Spoil) -> None:
    spoil("to: patient.patient_no", "to: person.patient_no", table="visit")
    assert "refers to clinic.person.patient_no" in load_catalogue(folder).failures["clinic"][0]


def test_a_reference_to_no_field_is_named(folder: Path, spoil: Spoil) -> None:
    spoil("to: patient.patient_no", "to: patient.number", table="visit")
    assert "refers to clinic.patient.number" in load_catalogue(folder).failures["clinic"][0]


def test_a_reference_into_another_token_domain_is_named(folder: Path, spoil: Spoil) -> None:
    spoil("value: clinic.patient}", "value: clinic.visit}", table="visit")
    assert "different token_domain" in load_catalogue(folder).failures["clinic"][0]


def test_a_reference_to_a_field_that_is_not_stored_is_named(folder: Path, spoil: Spoil) -> None:
    spoil("to: patient.patient_no", "to: patient.address", table="visit")
    spoil("value: tokenize}", "value: encrypt}", table="visit")
    spoil("          - {property: token_domain, value: clinic.patient}\n", "", table="visit")
    assert "both tokens or kept texts" in load_catalogue(folder).failures["clinic"][0]


def test_tables_that_refer_to_each_other_fail_their_source(folder: Path, spoil: Spoil) -> None:
    spoil("required: true", "required: true\n        relationships: [{to: visit.patient_no}]")
    catalogue = load_catalogue(folder)
    assert "['patient', 'visit'] refer to each other in a circle" in catalogue.failures["clinic"][0]
    assert catalogue.contracts == {}
