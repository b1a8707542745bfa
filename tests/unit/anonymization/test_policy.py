"""A policy that does not cover everything, or asks for nonsense, does not load."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from anonymization.entities import Entity
from anonymization.errors import PolicyError
from anonymization.policy import DeidentificationPolicy, Operator, load_policy, parse_policy


@pytest.fixture
def content(policy: DeidentificationPolicy) -> dict[str, Any]:
    loaded: dict[str, Any] = policy.model_dump(mode="json")
    return loaded


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"absent\.yaml"):
        load_policy(tmp_path / "absent.yaml")


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("- 1\n", encoding="utf-8")
    with pytest.raises(PolicyError, match="mapping"):
        load_policy(tmp_path / "p.yaml")


def test_an_entity_without_a_rule_is_refused_by_name(content: dict[str, Any]) -> None:
    del content["entities"]["PHONE"]
    with pytest.raises(PolicyError, match="no rule for PHONE"):
        parse_policy(content)


def test_an_unknown_key_is_refused(content: dict[str, Any]) -> None:
    content["entities"]["PHONE"]["treshold"] = 0.1
    with pytest.raises(PolicyError, match="treshold"):
        parse_policy(content)


def test_an_operator_that_does_not_fit_is_refused(content: dict[str, Any]) -> None:
    content["entities"]["PHONE"]["operator"] = "shift"
    with pytest.raises(PolicyError, match="PHONE"):
        parse_policy(content)


def test_a_direct_identifier_may_not_be_kept(content: dict[str, Any]) -> None:
    content["entities"]["RESIDENT_ID"]["operator"] = "keep"
    with pytest.raises(PolicyError, match="RESIDENT_ID"):
        parse_policy(content)


def test_the_fingerprint_changes_with_any_rule(content: dict[str, Any], policy: DeidentificationPolicy) -> None:
    assert parse_policy(content).fingerprint == policy.fingerprint
    content["entities"]["PHONE"]["threshold"] = 0.7
    assert parse_policy(content).fingerprint != policy.fingerprint


def test_a_foreign_entity_is_tagged(policy: DeidentificationPolicy) -> None:
    assert policy.operator("SITE_NUMBER") is Operator.TAG


def test_the_shipped_policy_names_every_entity(policy: DeidentificationPolicy) -> None:
    assert set(policy.entities) == set(Entity)
    assert yaml.safe_dump(policy.model_dump(mode="json"))


def test_the_default_purpose_is_the_policy_itself(policy: DeidentificationPolicy) -> None:
    assert policy.for_purpose(None) is policy
    assert policy.for_purpose(policy.default_purpose) is policy


def test_a_purpose_changes_what_it_names_and_nothing_else(policy: DeidentificationPolicy) -> None:
    teaching = policy.for_purpose("teaching")
    assert policy.operator("PHONE") is Operator.TAG
    assert teaching.operator("PHONE") is Operator.SURROGATE
    assert teaching.threshold("PHONE") == policy.threshold("PHONE")
    assert teaching.entities[Entity.DATE] == policy.entities[Entity.DATE]
    assert teaching.version == f"{policy.version}+teaching"
    assert teaching.fingerprint != policy.fingerprint


def test_an_unknown_purpose_is_refused_and_the_known_ones_named(policy: DeidentificationPolicy) -> None:
    with pytest.raises(PolicyError, match="research, quality_control, teaching"):
        policy.for_purpose("marketing")


@pytest.mark.parametrize(
    ("purposes", "fault"),
    [
        ({"teaching": {"PHONE": {"operator": "shift"}}}, "teaching.*PHONE"),
        ({"teaching": {"RESIDENT_ID": {"operator": "keep"}}}, "teaching.*RESIDENT_ID"),
        ({"teaching": {"PHONE": {"operatr": "tag"}}}, "operatr"),
        ({"Teaching!": {}}, "lower-case"),
    ],
)
def test_a_purpose_that_does_not_resolve_does_not_load(content: dict[str, Any], purposes: Any, fault: str) -> None:
    with pytest.raises(PolicyError, match=fault):
        parse_policy(content | {"purposes": purposes})
