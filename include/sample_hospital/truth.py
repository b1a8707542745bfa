"""The parts of the answer key that describe people: same-person numbers and the facts of every breast cancer, as of the last delivery."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from include.sample_hospital import identifiers
from include.sample_hospital.answer_key import AnswerKey
from include.sample_hospital.breast_cancer import BreastCancer
from include.sample_hospital.hospital import Patient, Settings, indexes, patient, second_number_from


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


def write_truth(key: AnswerKey, settings: Settings, ordinal: int) -> None:
    """Write ``persons.ndjson`` and ``breast_cancer.ndjson`` as they stand after delivery ``ordinal``."""
    day = settings.delivery(ordinal)
    before = datetime(day.year, day.month, day.day)
    with key.open_new("persons") as persons, key.open_new("breast_cancer") as cancers:
        for index in indexes(settings, ordinal):
            one = patient(settings, index)
            record = {
                "person": one.person.key,
                **_numbers(one, before),
                "has_resident_id": bool(one.person.resident_id),
            }
            if record["his"]:
                key.write_line(persons, record)
            tumour = one.course.cancer
            if tumour is not None and tumour.diagnosed_on is not None and tumour.diagnosed_on < day:
                key.write_line(cancers, cancer_record(one, tumour, day))
