"""Turns one found identifier into what the policy puts in its place."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from presidio_anonymizer.operators import Operator as PresidioOperator
from presidio_anonymizer.operators import OperatorType

from anonymization.dates import shift_text, year_of
from anonymization.entities import Entity, tag
from anonymization.generalize import OLDEST_AGE, division_city, grouped_birth_year
from anonymization.known import Part
from anonymization.lexicon.surnames import COMPOUND
from anonymization.normalize import normalize
from anonymization.policy import DeidentificationPolicy, Operator
from anonymization.surrogates import Surrogates

_KINDS: Final = (
    (re.compile("社区卫生|卫生院|卫生服务|卫生所"), "某基层医疗机构"),
    (re.compile("医院|保健院|诊所|门诊部|疗养院|体检|防治|急救|护理院"), "某医院"),
    (re.compile("大学|学院|学校|中学|小学|幼儿园|校区"), "某学校"),
    (re.compile("养老院|敬老院|福利院"), "某养老机构"),
    (re.compile("公司|集团|厂|酒店|宾馆|饭店|超市|商场|合作社|银行|支行"), "某企业"),
)
_MAKERS: Final[dict[str, Callable[[Surrogates, str], str]]] = {
    Entity.RESIDENT_ID: Surrogates.resident_id,
    Entity.PHONE: Surrogates.phone,
    Entity.BANK_CARD: Surrogates.bank_card,
    Entity.EMAIL: Surrogates.email,
    Entity.MEDICAL_RECORD_NUMBER: Surrogates.record_number,
}


class Replacer:
    """Replaces identifiers of one note: policy, surrogates of the patient, date shift and date of the note."""

    def __init__(
        self,
        policy: DeidentificationPolicy,
        surrogates: Surrogates,
        part_of: Callable[[str], Part | None],
        shift_days: int,
        reference: date | None,
    ) -> None:
        self._policy = policy
        self._surrogates = surrogates
        self._part_of = part_of
        self.shift_days = shift_days
        self._reference = reference

    def __call__(self, entity: str, surface: str) -> str:
        """Return the replacement of a surface form; whatever cannot be made coarser or shifted becomes a tag."""
        operator = self._policy.operator(entity)
        if operator is Operator.KEEP:
            return surface
        made: str | None = None
        if operator is Operator.SURROGATE:
            made = self._surrogate(entity, normalize(surface))
        elif operator is Operator.SHIFT:
            made = shift_text(str(normalize(surface)), self.shift_days, self._reference)
        elif operator is Operator.GENERALIZE:
            made = self._generalize(entity, str(normalize(surface)))
        return tag(entity) if made is None else made

    def _surrogate(self, entity: str, surface: str) -> str | None:
        if entity == Entity.PERSON:
            return self._name(surface)
        make = _MAKERS.get(entity)
        return make(self._surrogates, surface) if make else None

    def _name(self, surface: str) -> str | None:
        written = surface.replace(" ", "") if not surface.isascii() else surface
        part = self._part_of(surface) or self._part_of(written)
        if part is not None and part.part == "given":
            return self._surrogates.given(str(normalize(part.person.name)), part.person.sex)
        if len(written) == 1 or written in COMPOUND:
            return self._surrogates.surname(written)
        return self._surrogates.name(written, part.person.sex if part else "U")

    def _generalize(self, entity: str, surface: str) -> str | None:
        if entity == Entity.ADDRESS:
            return division_city(surface)
        if entity == Entity.ORGANIZATION:
            return next((kind for pattern, kind in _KINDS if pattern.search(surface)), "某单位")
        if entity == Entity.AGE:
            return f"{OLDEST_AGE}岁以上" if "岁" in surface or "高龄" in surface else f"{OLDEST_AGE}以上"
        year = year_of(surface)
        if year is None:
            return None
        return grouped_birth_year(year, self._reference) if self._reference else f"{year}年"


class PolicyOperator(PresidioOperator):  # type: ignore[misc]
    """The Presidio operator `xinglin`: its parameter `replace` is a Replacer."""

    NAME: Final = "xinglin"

    def operate(self, text: str, params: dict[str, Any] | None = None) -> str:
        """Return the replacement of one surface form."""
        replaced: str = (params or {})["replace"]((params or {})["entity_type"], text)
        return replaced

    def validate(self, params: dict[str, Any] | None = None) -> None:
        """Demand a callable `replace`."""
        if not callable((params or {}).get("replace")):
            raise ValueError("operator xinglin needs a callable parameter 'replace'")

    def operator_name(self) -> str:
        """Return the name under which operator configurations ask for it."""
        return self.NAME

    def operator_type(self) -> OperatorType:
        """Say that it anonymises."""
        return OperatorType.Anonymize
