"""The de-identification policy: what happens to each kind of identifier, in one YAML file with a version.

One file serves several purposes: research (the main part), teaching, quality control …, which change operators only.

The fingerprint changes with any change of meaning, so that notes are scrubbed again when the rules change.
"""

from __future__ import annotations

import hashlib
import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from anonymization.entities import Entity
from anonymization.errors import PolicyError


class Operator(StrEnum):
    """What replaces an identifier."""

    SURROGATE = "surrogate"
    """A made-up value of the same kind, the same for the same person and original."""
    TAG = "tag"
    """The kind of identifier in brackets, such as 【身份证号】."""
    SHIFT = "shift"
    """The date moved by the person's number of days."""
    GENERALIZE = "generalize"
    """A coarser value: address → city, birth date → year, age over 89 → one group, institution → its kind."""
    KEEP = "keep"
    """Nothing: the value stays in the text."""


_ALLOWED: dict[Operator, frozenset[Entity]] = {
    Operator.SURROGATE: frozenset(
        {Entity.PERSON, Entity.RESIDENT_ID, Entity.PHONE, Entity.EMAIL, Entity.BANK_CARD, Entity.MEDICAL_RECORD_NUMBER}
    ),
    Operator.SHIFT: frozenset({Entity.DATE, Entity.DATE_OF_BIRTH}),
    Operator.GENERALIZE: frozenset({Entity.ADDRESS, Entity.ORGANIZATION, Entity.AGE, Entity.DATE_OF_BIRTH}),
}
_NEVER_KEPT = frozenset({Entity.RESIDENT_ID, Entity.SSN, Entity.BANK_CARD})
_PURPOSE = r"[a-z][a-z0-9_]{0,29}"


class EntityPolicy(BaseModel):
    """How one kind of identifier is treated: operator, and the score from which a find counts (0..1)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    operator: Operator
    threshold: float = Field(default=0.5, ge=0.0, le=1.0)


class EntityChange(BaseModel):
    """What a purpose changes for one kind of identifier; what it does not name stays as in the main part."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    operator: Operator | None = None
    threshold: float | None = Field(default=None, ge=0.0, le=1.0)


class DeidentificationPolicy(BaseModel):
    """A whole policy. Every entity type has to be named: what the policy does not name would slip through.

    The main part is for `default_purpose`; each of `purposes` names only what it changes (`for_purpose`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(min_length=1, max_length=72)
    language: str = "zh"
    maximum_shift_days: int = Field(default=180, ge=1, le=3650)
    propagate_names: bool = True
    """Whether a name found in one note of a patient is looked for in all of that patient's notes."""
    name_model: bool = True
    """Whether names that nothing announces are looked for with the shipped models (anonymization/model)."""
    default_purpose: str = Field(default="research", pattern=_PURPOSE)
    purposes: dict[str, dict[Entity, EntityChange]] = Field(default_factory=dict)
    entities: dict[Entity, EntityPolicy]

    @field_validator("entities")
    @classmethod
    def _operators_fit(cls, entities: dict[Entity, EntityPolicy]) -> dict[Entity, EntityPolicy]:
        for entity, rule in entities.items():
            allowed = _ALLOWED.get(rule.operator)
            if allowed is not None and entity not in allowed:
                raise ValueError(f"{entity}: operator {rule.operator} is not for this kind of identifier")
            if rule.operator is Operator.KEEP and entity in _NEVER_KEPT:
                raise ValueError(f"{entity}: a direct identifier of this kind may not be kept")
        return entities

    @model_validator(mode="after")
    def _all_entities_named(self) -> DeidentificationPolicy:
        missing = sorted(set(Entity) - set(self.entities))
        if missing:
            raise ValueError(f"no rule for {', '.join(missing)}")
        return self

    @model_validator(mode="after")
    def _purposes_resolve(self) -> DeidentificationPolicy:
        for purpose in self.purposes:
            if not re.fullmatch(_PURPOSE, purpose):
                raise ValueError(f"purpose {purpose!r}: lower-case letters, digits and _ only")
            try:
                self.for_purpose(purpose)
            except ValidationError as error:
                raise ValueError(f"purpose {purpose}: {error.errors()[0]['msg']}") from error
        return self

    def for_purpose(self, purpose: str | None) -> DeidentificationPolicy:
        """Return the policy of one purpose, its version marked with it ("1.0.0+teaching"); None is the default one.

        Raises PolicyError when the policy knows no such purpose.
        """
        if purpose is None or purpose == self.default_purpose:
            return self
        if purpose not in self.purposes:
            known = ", ".join([self.default_purpose, *sorted(self.purposes)])
            raise PolicyError(f"The policy {self.version} has no purpose of that name. It has: {known}.")
        content = self.model_dump(exclude={"purposes"})
        for entity, change in self.purposes[purpose].items():
            content["entities"][entity] |= change.model_dump(exclude_none=True)
        content |= {"version": f"{self.version}+{purpose}", "default_purpose": purpose}
        return DeidentificationPolicy.model_validate(content)

    @property
    def fingerprint(self) -> str:
        """Return 16 hex digits over everything that the policy says, its version included."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def operator(self, entity: str) -> Operator:
        """Return the operator of an entity type; types of foreign recognizers are tagged."""
        rule = self.entities.get(entity)  # type: ignore[call-overload]
        return rule.operator if rule else Operator.TAG

    def threshold(self, entity: str) -> float:
        """Return the least score that counts for an entity type."""
        rule = self.entities.get(entity)  # type: ignore[call-overload]
        return rule.threshold if rule else 0.5

    def scrubs(self, entity: str) -> bool:
        """Tell whether finds of this type change the text."""
        return self.operator(entity) is not Operator.KEEP


def parse_policy(content: dict[str, Any], origin: str = "policy") -> DeidentificationPolicy:
    """Build a policy from parsed YAML; PolicyError names the file and every fault in it."""
    try:
        return DeidentificationPolicy.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'policy'}: {fault['msg']}" for fault in error.errors()
        )
        raise PolicyError(f"{origin}: {faults}. Correct the file and load it again.") from error


def load_policy(path: Path) -> DeidentificationPolicy:
    """Read a policy file; PolicyError when it cannot be read, is no YAML mapping, or is incomplete."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PolicyError(f"{path}: cannot be read as YAML. Check the path and the file's syntax.") from error
    if not isinstance(content, dict):
        raise PolicyError(f"{path}: a mapping with version and entities is expected.")
    return parse_policy(content, str(path))
