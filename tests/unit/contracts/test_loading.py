"""Contract files: what is refused, and that the message names file, line, field and what would be valid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from governance.contracts import Protection, load_catalogue, load_contract
from governance.errors import ContractError
from governance.settings import PROJECT

Refusal = Callable[[str, str], str]
Spoil = Callable[..., Path]
CONTRACTS = PROJECT / "include" / "contracts"
FILES = sorted(CONTRACTS.glob("*/*.odcs.yaml"))


def test_an_empty_file_is_refused(spoil: Spoil) -> None:
    path = spoil("apiVersion", "apiVersion")
    path.write_text("", "utf-8")
    with pytest.raises(ContractError, match="empty or a list"):
        load_contract(path)


def test_a_list_is_refused(spoil: Spoil) -> None:
    path = spoil("apiVersion", "apiVersion")
    path.write_text("- a\n- b\n", "utf-8")
    with pytest.raises(ContractError, match="empty or a list"):
        load_contract(path)


def test_a_file_in_another_encoding_is_refused(spoil: Spoil) -> None:
    path = spoil("name: Register", "name: 登记")
    path.write_bytes(path.read_text("utf-8").encode("gb18030"))
    with pytest.raises(ContractError, match="encoding"):
        load_contract(path)


def test_a_yaml_syntax_error_names_its_line(refusal: Refusal) -> None:
    assert ".odcs.yaml:5" in refusal("name: Register", "name: [Register")


def test_a_date_that_does_not_exist_is_no_crash(refusal: Refusal) -> None:
    assert "not valid YAML" in refusal("minimum: '1900-01-01'", "minimum: 2025-02-31")


def test_a_python_tag_is_not_carried_out(refusal: Refusal) -> None:
    assert "not valid YAML" in refusal("name: Register", "name: !!python/object/apply:os.getcwd []")


def test_an_unknown_key_names_line_and_nearest_key(refusal: Refusal) -> None:
    message = refusal("required: true", "requird: true")
    assert ":20: unknown key 'requird'; did you mean 'required'?" in message


def test_a_key_that_is_a_list_is_no_crash(refusal: Refusal) -> None:
    assert "unknown key" in refusal("status: active", "? [status]\n: active")


def test_a_doubled_key_is_refused(refusal: Refusal) -> None:
    assert "'required' stands twice" in refusal("required: true", "required: true\n        required: false")


def test_a_doubled_custom_property_is_refused(refusal: Refusal) -> None:
    twice = "{property: level, value: 4}\n          - {property: level, value: 1}"
    assert "field 'patient_no': custom property 'level' stands twice" in refusal("{property: level, value: 4}", twice)


def test_an_unknown_custom_property_names_the_nearest(refusal: Refusal) -> None:
    message = refusal("property: token_domain", "property: token_domian")
    assert "field 'patient_no'" in message
    assert "did you mean 'token_domain'?" in message


@pytest.mark.parametrize("needed", ["protection", "identifier", "category", "level"])
def test_a_field_without_a_class_or_protection_names_file_and_field(spoil: Spoil, needed: str) -> None:
    path = spoil("apiVersion", "apiVersion")
    lines = path.read_text("utf-8").splitlines()
    first = next(i for i, line in enumerate(lines) if f"property: {needed}" in line)
    path.write_text("\n".join(lines[:first] + lines[first + 1 :]), "utf-8")
    with pytest.raises(ContractError, match=rf"patient\.odcs\.yaml:\d+: field 'patient_no' has no '{needed}'"):
        load_contract(path)


def test_an_empty_protection_is_no_protection(refusal: Refusal) -> None:
    assert "protection names nothing" in refusal("value: keep", "value: []")


def test_an_unknown_protection_is_refused(refusal: Refusal) -> None:
    assert "field 'weight'" in refusal("value: keep", "value: kept")


@pytest.mark.parametrize("plain", ["keep", "shift_date"])
def test_a_direct_identifier_may_not_be_kept(refusal: Refusal, plain: str) -> None:
    message = refusal("value: [encrypt, generalize]", f"value: {plain}")
    assert "field 'address': a direct identifier may not be kept in plain" in message


def test_keep_stands_alone(refusal: Refusal) -> None:
    assert "stands alone" in refusal("value: keep", "value: [keep, encrypt]")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("{property: level, value: 4}", "{property: level, value: 6}", "level 6 is not between 1 and 5"),
        ("{property: level, value: 4}", "{property: level, value: high}", "level"),
        ("value: PA", "value: PX", "category 'PX'"),
        ("value: direct", "value: strong", "identifier 'strong'"),
        ("logicalType: number", "logicalType: decimal", "field 'weight'"),
        ("severity: error", "severity: fatal", "severity is error or warning"),
        ("engine: xinglin", "engine: sodacl", "engine xinglin"),
        ("format: csv", "format: xlsx", "format 'xlsx' is unknown; one of csv, ndjson"),
        ("encoding: utf-8", "encoding: utf-88", "encoding 'utf-88' is unknown"),
        ("id: clinic.patient", "id: clinic.person", "id must be 'clinic.patient'"),
        ("kind: DataContract", "kind: DataProduct", "kind must be DataContract"),
        ("value: patient_no}", "value: patient_number}", "did you mean 'patient_no'?"),
        ("value: patient_no}", "value: weight}", "patient_key 'weight' must have protection tokenize"),
        ("- name: weight", "- name: Weight", "lower snake case"),
        ("- name: weight", "- name: address", "stands twice: address"),
        ("physicalName: KG", "physicalName: ADDRESS", "stands twice: ADDRESS"),
        ("value: division_city}", "value: province}", "generalize_to must be one of"),
        ("          - {property: token_domain, value: clinic.patient}\n", "", "needs a token_domain"),
        ("maximum: 500", "maximun: 500", "did you mean 'maximum'?"),
        ("minimum: 0", "minimum: none", "'none' is no bound for a number"),
        ("minimum: '1900-01-01'", "minimum: '1900-13-01'", "is no bound for a date"),
        ("format: '%Y%m%d', ", "", "needs logicalTypeOptions.format"),
        ("format: '%Y%m%d'", "format: '%Y%m'", "does not name a whole date"),
        ("value: keep}", "value: encrypt}\n          - {property: suite, value: sm}", "suite: Input should be"),
        ("value: keep}", "value: keep}\n          - {property: suite, value: gm}", "a suite is for ciphertext"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_with_what_would_be_valid(refusal: Refusal, old: str, new: str, expected: str) -> None:
    assert expected in refusal(old, new)


@pytest.mark.parametrize("pattern", ["[0-9", "^(?=.*x).*$"])
def test_a_pattern_that_the_gate_cannot_use_is_refused(refusal: Refusal, pattern: str) -> None:
    options = f"logicalType: string\n        logicalTypeOptions: {{pattern: '{pattern}'}}\n        required: true"
    assert "field 'patient_no': pattern" in refusal("logicalType: string\n        required: true", options)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("left_at >=", "not SQL"),
        ("left_at >= borth_date", "names no field of this table: borth_date"),
        ("weight + 1", "must be true or false"),
        ("weight > address", "rule 'left_after_birth'"),
    ],
)
def test_an_expression_that_cannot_be_evaluated_is_refused(refusal: Refusal, expression: str, expected: str) -> None:
    message = refusal("implementation: left_at >= birth_date", f"implementation: {expression}")
    assert ".odcs.yaml:15:" in message
    assert expected in message


@pytest.mark.parametrize(
    ("implementation", "expected"),
    [
        ("{code_set: gbt2261_1_sex}", "say the field or the key"),
        ("{range_table: lab_plausible, key: [weight]}", "say the field or the key"),
        ("{code_set: gbt2261_1_sex, fields: [wieght]}", "no such field: wieght"),
        ("{check: resident_checksum, field: address}", "did you mean 'resident_id_checksum'?"),
        ("{code_st: gbt2261_1_sex}", "did you mean 'code_set'?"),
        ("{check: resident_id_checksum, code_set: x}", "exactly one of"),
    ],
)
def test_a_rule_that_names_no_subject_is_refused(refusal: Refusal, implementation: str, expected: str) -> None:
    assert expected in refusal("implementation: left_at >= birth_date", f"implementation: {implementation}")


def test_a_sound_contract_says_all_that_it_says(folder: Path) -> None:
    contract = load_contract(folder / "clinic" / "patient.odcs.yaml")
    assert (contract.relation, contract.primary_key, contract.patient_key) == (
        "clinic_patient", ("patient_no",), "patient_no",
    )  # fmt: skip
    assert contract.field("address").protection == (Protection.ENCRYPT, Protection.GENERALIZE)
    assert [rule.id for rule in contract.rules] == ["clinic.patient.left_after_birth"]


def test_the_projects_contracts_are_found() -> None:
    assert len(FILES) >= 30


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}.{p.name.split('.')[0]}")
def test_every_contract_of_the_project_loads(path: Path) -> None:
    assert load_contract(path).fields


def test_the_projects_catalogue_has_no_failures() -> None:
    assert load_catalogue(CONTRACTS).failures == {}
