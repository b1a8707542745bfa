"""The parts of the answer key that describe people: same-person numbers and the facts of every breast cancer, as of
the last delivery.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from include.sample_hospital import identifiers
from include.sample_hospital.answer_key import AnswerKey
from include.sample_hospital.breast_cancer import BreastCancer
from include.sample_hospital.hospital import Patient, Settings, second_number_from


def _numbers(one: Patient, before: datetime) -> dict[str, list[str]]:
    """Return the numbers under which each system knows the person before a moment."""
    person, course = one.person, one.course
    seen = [encounter for encounter in course.encounters if encounter.start < before]
    switch, index = second_number_from(one), person.index
    used = {int(encounter.number >= switch) for encounter in seen}
    his = [identifiers.his_number(index, which) for which in sorted(used)]
    day = before.date()
    known = {
        "lis": (identifiers.lis_number(index), any(sample.at < before for e in seen for sample in e.samples)),
        "emr": (identifiers.emr_number(index), any(e.with_notes for e in seen)),
        "path": (identifiers.path_number(index), any(case.reported < day for e in seen for case in e.pathology)),
        "pacs": (identifiers.pacs_number(index), any(study.at < before for e in seen for study in e.studies)),
        "follow_up": (identifiers.follow_up_number(index), any(contact.day < day for contact in course.contacts)),
    }
    return {"his": his, **{system: [number] for system, (number, there) in known.items() if there}}


def _until(day: date | None, before: date) -> str | None:
    return day.isoformat() if day is not None and day < before else None


def cancer_record(one: Patient, tumour: BreastCancer, before: date) -> dict[str, Any]:
    """Return the facts of one breast cancer that lie before a day."""
    cycles = [day for day in tumour.cycle_days if day < before]
    operated = tumour.surgery_on is not None and tumour.surgery_on < before
    relapsed = tumour.recurrence_on is not None and tumour.recurrence_on < before
    return {
        "person": one.person.key,
        "his": identifiers.his_number(one.person.index),
        "sex": "M" if one.person.male else "F",
        "birth_date": one.person.birth.isoformat(),
        "code": tumour.code,
        "side": tumour.side,
        "diagnosed_on": _until(tumour.diagnosed_on, before),
        "er_pct": tumour.er_pct,
        "pr_pct": tumour.pr_pct,
        "her2_ihc": tumour.her2_ihc,
        "her2_fish_ratio": tumour.fish_ratio,
        "her2_status": tumour.her2_status,
        "ki67_pct": tumour.ki67_pct,
        "subtype": tumour.subtype,
        "t": tumour.t,
        "n": tumour.n,
        "m": tumour.m,
        "stage": tumour.stage,
        "histology": tumour.histology,
        "grade": tumour.grade,
        "size_mm": tumour.size_mm,
        "nodes": tumour.node_status if operated else None,
        "neoadjuvant": tumour.neoadjuvant,
        "first_treatment_on": _until(tumour.first_treatment_on, before),
        "regimen": tumour.regimen if cycles else None,
        "cycles": len(cycles),
        "cycle_days": [day.isoformat() for day in cycles],
        "neutropenia_grades": tumour.neutropenia_grades[: len(cycles)],
        "surgery_on": _until(tumour.surgery_on, before),
        "surgery_code": tumour.surgery_code if operated else None,
        "radiotherapy_on": _until(tumour.radiotherapy_on, before),
        "endocrine": tumour.endocrine if _until(tumour.endocrine_on, before) else None,
        "her2_targeted": tumour.her2_targeted or None,
        "recurrence_on": _until(tumour.recurrence_on, before),
        "recurrence_kind": tumour.recurrence_kind if relapsed else None,
        "recurrence_site": tumour.recurrence_site if relapsed or tumour.stage == "IV" else None,
        "death_on": _until(tumour.death_on, before),
    }


class TruthWriter:
    """Writes ``persons.ndjson`` and ``breast_cancer.ndjson`` as they stand after delivery ``ordinal``, person by
    person.
    """

    def __init__(self, key: AnswerKey, settings: Settings, ordinal: int) -> None:
        self._key, self._day = key, settings.delivery(ordinal)
        self._before = datetime(self._day.year, self._day.month, self._day.day)
        self._persons, self._cancers = key.open_new("persons"), key.open_new("breast_cancer")

    def add(self, one: Patient) -> None:
        person, tumour = one.person, one.course.cancer
        numbers = _numbers(one, self._before)
        if numbers["his"]:
            record = {"person": person.key, **numbers, "has_resident_id": bool(person.resident_id)}
            self._key.write_line(self._persons, record)
        if tumour is not None and tumour.diagnosed_on is not None and tumour.diagnosed_on < self._day:
            self._key.write_line(self._cancers, cancer_record(one, tumour, self._day))

    def close(self) -> None:
        self._persons.close()
        self._cancers.close()
