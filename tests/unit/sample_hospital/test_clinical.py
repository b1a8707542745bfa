"""Clinical sense: what the exports say about people hangs together."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
import sample_reading as reading
from sample_reading import Hospital

from include.sample_hospital import breast_cancer
from include.sample_hospital.breast_treatment import REGIMENS
from include.sample_hospital.diseases import BY_CODE, DISEASES
from include.sample_hospital.drugs import DRUGS
from include.sample_hospital.hospital import Settings, patient
from include.sample_hospital.lab_tests import PANELS, TESTS
from include.sample_hospital.people import Person


@pytest.fixture(scope="module")
def cancers(hospital: Hospital) -> list[dict[str, Any]]:
    return reading.key(hospital.key, "breast_cancer")


@pytest.fixture(scope="module")
def patients() -> list[Any]:
    return [patient(Settings(patients=1500, seed=11), index) for index in range(1500)]


def test_catalogues_name_only_what_exists() -> None:
    for disease in DISEASES:
        assert set(disease.drugs) <= set(DRUGS), disease.code
        assert set(disease.panels) <= set(PANELS), disease.code
        assert set(disease.effects) <= set(TESTS), disease.code
    assert {drug for cycles in REGIMENS.values() for cycle in cycles for drug in cycle} <= set(DRUGS)


def test_sexes_fit_diagnoses(patients: list[Any]) -> None:
    seen = set()
    for one in patients:
        for encounter in one.course.encounters:
            for code, _ in encounter.diagnoses:
                sex = BY_CODE[code].sex if code in BY_CODE else ""
                assert sex in ("", "M" if one.person.male else "F"), (one.person.key, code)
                seen.add(code[0])
                if code.startswith(("O", "Z34")):
                    assert 18 <= one.person.age_at(encounter.start.date()) <= 44
    assert {"O", "C", "I", "J"} <= seen


def test_nobody_is_seen_before_birth_or_after_death(patients: list[Any]) -> None:
    for one in patients:
        assert all(e.start.date() > one.person.birth for e in one.course.encounters)
        if one.course.death:
            assert all(e.start.date() <= one.course.death for e in one.course.encounters), one.person.key


def test_about_one_in_twelve_has_breast_cancer_few_of_them_men(patients: list[Any]) -> None:
    having = [one for one in patients if one.course.cancer]
    assert 0.055 < len(having) / len(patients) < 0.105
    assert sum(one.person.male for one in having) <= len(having) * 0.06


def test_restricted_diseases_are_present_and_rare(patients: list[Any]) -> None:
    holders = sum(
        any(code[:3] in ("Z21", "B20", "A53") for e in one.course.encounters for code, _ in e.diagnoses)
        for one in patients
    )
    assert 1 <= holders <= len(patients) * 0.015


def test_stage_follows_size_and_nodes(patients: list[Any]) -> None:
    groups = {("T1", "N0"): "IA", ("T2", "N0"): "IIA", ("T1", "N1"): "IIA", ("T2", "N1"): "IIB", ("T3", "N0"): "IIB"}
    tumours: list[breast_cancer.BreastCancer] = [one.course.cancer for one in patients if one.course.cancer]
    for tumour in tumours:
        if tumour.m == "M0" and (tumour.t, tumour.n) in groups:
            assert tumour.stage == groups[tumour.t, tumour.n]
        assert (tumour.nodes_positive == 0) == (tumour.n == "N0")
        assert tumour.nodes_positive <= tumour.nodes_examined


def test_subtypes_follow_receptors(cancers: list[dict[str, Any]]) -> None:
    for facts in cancers:
        hormone = facts["er_pct"] >= 1 or facts["pr_pct"] >= 1
        if facts["subtype"] == "TNBC":
            assert not hormone and facts["her2_status"] == "negative"
        if facts["subtype"] == "LuminalA":
            assert facts["er_pct"] >= 1 and facts["pr_pct"] >= 20 and facts["ki67_pct"] < 20
        if facts["her2_status"] == "equivocal":
            assert facts["her2_ihc"] == 2 and facts["her2_fish_ratio"] is None
    assert len({facts["subtype"] for facts in cancers}) >= 4


def test_cycles_are_three_weeks_apart(cancers: list[dict[str, Any]]) -> None:
    gaps = [
        (date.fromisoformat(b) - date.fromisoformat(a)).days
        for facts in cancers
        for a, b in pairwise(facts["cycle_days"])
    ]
    assert set(gaps) <= {21, 28} and median(gaps) == 21 and len(gaps) > 30


def _his_rows(hospital: Hospital, name: str, number: str) -> list[dict[str, str]]:
    return [row for row in hospital.rows(name) if row["patient_no"] == number]


def test_the_course_is_in_the_exports_in_the_right_order(hospital: Hospital, cancers: list[dict[str, Any]]) -> None:
    operations = hospital.rows("his.operation")
    drugs = hospital.rows("his.drug")
    checked = 0
    for facts in cancers:
        own = [row for row in operations if row["patient_no"] == facts["his"]]
        biopsies = [row for row in own if row["code"] == "85.1100"]
        surgery = [row for row in own if row["code"] == facts["surgery_code"]]
        if facts["surgery_on"] and biopsies and surgery:
            assert biopsies[0]["performed_on"] < surgery[0]["performed_on"] == facts["surgery_on"].replace("-", "")
            checked += 1
        if facts["regimen"] and facts["cycle_days"][0] < hospital.first:
            names = {DRUGS[drug].name for drug in REGIMENS[facts["regimen"]][0]}
            given = {row["drug_name"] for row in drugs if row["dispensed_at"][:10] == facts["cycle_days"][0]}
            assert names <= given
    assert checked >= 3


def test_receptors_stand_in_the_pathology_report(hospital: Hospital, cancers: list[dict[str, Any]]) -> None:
    persons = {person["person"]: person for person in reading.key(hospital.key, "persons")}
    reports = defaultdict(list)
    for row in hospital.rows("path.report"):
        reports[row["patient_no"]].append(row["ihc_text"])
    checked = 0
    for facts in cancers:
        texts = [
            text for number in persons[facts["person"]].get("path", []) for text in reports[number] if "ER" in text
        ]
        if facts["er_pct"] >= 1 and texts:
            assert any(f"{facts['er_pct']}%" in text for text in texts), facts["person"]
            checked += 1
        if facts["her2_fish_ratio"] is not None and texts:
            everything = "".join(text for number in persons[facts["person"]]["path"] for text in reports[number])
            assert str(facts["her2_fish_ratio"]) in everything
    assert checked >= 5


def test_neutropenia_of_the_key_is_in_the_laboratory(hospital: Hospital, cancers: list[dict[str, Any]]) -> None:
    severe = [facts for facts in cancers if 4 in facts["neutropenia_grades"]]
    assert severe
    persons = {person["person"]: person for person in reading.key(hospital.key, "persons")}
    counts = defaultdict(list)
    for row in hospital.rows("lis.result"):
        if row["test_code"] == "NEUT":
            counts[row["patient_no"]].append(float(row["value"]))
    lowest = [min(counts[persons[facts["person"]]["lis"][0]], default=9.0) for facts in severe]
    assert sum(value < 0.5 for value in lowest) >= len(lowest) / 2  # some nadirs are not measured


def test_values_carry_unit_range_and_flag_that_agree(hospital: Hospital) -> None:
    units = set()
    for row in hospital.rows("lis.result"):
        if not row["value"]:
            assert row["value_text"]
            continue
        value, low, high = float(row["value"]), float(row["ref_low"] or 0), float(row["ref_high"])
        expected = "L" if value < low else "H" if value > high else "N"
        near = min(abs(value - low), abs(value - high)) <= 0.02 * high
        assert row["abnormal_flag"] == expected or near, row
        units.add((row["test_code"], row["unit"]))
    assert {("HGB", "g/L"), ("HGB", "g/dL"), ("GLU", "mg/dL"), ("CREA", "umol/L"), ("CREA", "mg/dL")} <= units


def test_blood_counts_add_up(hospital: Hospital) -> None:
    samples: dict[str, dict[str, float]] = defaultdict(dict)
    for row in hospital.rows("lis.result"):
        if row["test_code"] in ("WBC", "NEUT", "LYMPH", "MONO"):
            samples[row["sample_no"]][row["test_code"]] = float(row["value"])
    assert len(samples) > 300
    for values in samples.values():
        if len(values) == 4:
            assert values["NEUT"] + values["LYMPH"] + values["MONO"] <= values["WBC"] + 0.03


def test_diabetics_have_higher_sugar_than_others(patients: list[Any], hospital: Hospital) -> None:
    diabetic = {row["patient_no"] for row in hospital.rows("his.diagnosis") if row["code"].startswith("E11")}
    visits = {row["visit_no"]: row["patient_no"] in diabetic for row in hospital.rows("his.visit")}
    values = defaultdict(list)
    for row in hospital.rows("lis.result"):
        if row["test_code"] == "HBA1C":
            values[visits.get(row["visit_no"], False)].append(float(row["value"]))
    assert median(values[True]) > 6.3


def test_a_stay_ends_after_it_began_and_notes_lie_within(hospital: Hospital) -> None:
    visits = {row["visit_no"]: row for row in hospital.rows("his.visit")}
    notes = hospital.rows("emr.note")
    assert notes
    for row in notes:
        visit = visits[row["visit_no"]]
        assert visit["visit_class"] == "3" and visit["admission_no"]
        at = datetime.fromisoformat(row["authored_at"])
        assert at >= datetime.fromisoformat(visit["start_at"])
        if visit["end_at"]:
            assert at <= datetime.fromisoformat(visit["end_at"])


def test_a_person_over_89_is_marked_so(patients: list[Any]) -> None:
    people: list[Person] = [one.person for one in patients]
    assert any(person.age_at(date(2026, 6, 1)) > 89 for person in people)
