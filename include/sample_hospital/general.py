"""Courses of ordinary patients: chronic diseases with revisits, acute episodes, pregnancies, operations."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from random import Random

from include.sample_hospital.course import (
    EMERGENCY,
    INPATIENT,
    OUTPATIENT,
    Course,
    Encounter,
    Operation,
    Pathology,
    Prescription,
    Study,
)
from include.sample_hospital.diseases import BY_CODE, DISEASES, RESTRICTED, Disease, band
from include.sample_hospital.labs import Sample
from include.sample_hospital.people import Person
from include.sample_hospital.randomness import Weighted

HISTORY_DAYS = 1_040
FUTURE_DAYS = 175
# shares of 0, 1, 2, 3 chronic conditions in the age bands of ``diseases``
_CHRONIC_COUNTS = ((80, 18, 2, 0), (62, 30, 7, 1), (30, 40, 22, 8), (12, 35, 33, 20))


@cache
def _menu(male: bool, age_band: int) -> Weighted[Disease]:
    """Diseases open to this sex and age band, without the restricted ones (they are drawn on their own)."""
    sex = "M" if male else "F"
    return Weighted(
        [
            (d, d.weights[age_band])
            for d in DISEASES
            if d.sex in ("", sex) and d.weights[age_band] > 0 and not d.restricted
        ]
    )


def clock(rng: Random, day: date, low: int = 8, high: int = 17) -> datetime:
    """Return a moment of ``day`` between the hours given."""
    return datetime(day.year, day.month, day.day, rng.randint(low, high - 1), rng.randrange(60), rng.randrange(60))


def _sample(rng: Random, disease: Disease, at: datetime, strength: float, extra: tuple[str, ...] = ()) -> Sample:
    effects = {code: 1 + (factor - 1) * strength for code, factor in disease.effects.items()}
    positive = set()
    if disease.code[:3] in ("Z21", "B20"):
        positive.add("HIVAB")
    if disease.code.startswith("A53"):
        positive.add("TPAB")
    if disease.code.startswith("B18"):
        positive.add("HBSAG")
    if disease.code in ("E11.200", "N18.900"):
        positive.add("UPRO")
    if disease.code == "N39.000":
        positive.add("ULEU")
    panels = tuple(dict.fromkeys(disease.panels + extra))
    if strength < 1 and len(panels) > 2 and rng.random() < 0.4:
        panels = panels[: len(panels) - 1]
    return Sample(at, panels, effects, positive=frozenset(positive))


def _prescribe(rng: Random, disease: Disease, at: datetime) -> list[Prescription]:
    if not disease.drugs:
        return []
    count = min(len(disease.drugs), rng.choice((1, 1, 2, 2, 3)))
    return [Prescription(at + timedelta(minutes=5 + 3 * i), drug) for i, drug in enumerate(disease.drugs[:count])]


def outpatient(rng: Random, disease: Disease, day: date, others: list[Disease], first: bool) -> Encounter:
    """Return a clinic or emergency visit for ``disease``; revisits have fewer tests."""
    urgent = first and rng.random() < disease.emergency
    start = clock(rng, day, 0, 24) if urgent else clock(rng, day)
    department = "急诊科" if urgent else disease.department
    diagnoses = [(disease.code, disease.name)] + [(d.code, d.name) for d in others[:2] if rng.random() < 0.5]
    complaint = rng.choice(disease.complaints)
    end = start + timedelta(hours=rng.randint(1, 9)) if urgent else None
    visit = Encounter(EMERGENCY if urgent else OUTPATIENT, start, end, department, diagnoses, complaint, "clinic")
    if disease.panels and rng.random() < (0.85 if first else 0.6):
        visit.samples.append(
            _sample(rng, disease, start + timedelta(minutes=rng.randint(15, 50)), 1.0 if first else 0.6)
        )
    if disease.imaging and rng.random() < (0.6 if first else 0.15):
        modality, part = disease.imaging
        visit.studies.append(Study(start + timedelta(minutes=rng.randint(50, 110)), modality, part, disease.code))
    if rng.random() < 0.85:
        visit.prescriptions = _prescribe(rng, disease, start + timedelta(minutes=rng.randint(60, 120)))
    return visit


def stay(rng: Random, disease: Disease, day: date, others: list[Disease], age: int) -> Encounter:
    """Return a hospital stay for ``disease``, with its operation when it has one."""
    days = max(2, round(rng.lognormvariate(1.75, 0.45)))
    start = clock(rng, day, 8, 21)
    end_day = day + timedelta(days=days)
    end = clock(rng, end_day, 9, 12)
    diagnoses = [(disease.code, disease.name)] + [(d.code, d.name) for d in others if d is not disease]
    visit = Encounter(
        INPATIENT, start, end, disease.department, diagnoses, rng.choice(disease.complaints), "stay", with_notes=True
    )
    visit.samples.append(
        _sample(rng, disease, start + timedelta(hours=2), 1.0, ("cbc", "liver", "kidney", "electrolytes"))
    )
    if days > 4:
        visit.samples.append(_sample(rng, disease, start + timedelta(days=days // 2, hours=-1), 0.45))
    if disease.imaging:
        visit.studies.append(Study(start + timedelta(hours=rng.randint(3, 20)), *disease.imaging, disease.code))
    visit.prescriptions = _prescribe(rng, disease, start + timedelta(hours=1))
    if disease.operation and (disease.code.startswith("O") or rng.random() < 0.85):
        code, name, level = disease.operation
        on = day + timedelta(days=0 if disease.emergency > 0.5 else 1)
        anesthesia = (
            rng.choice(("全身麻醉", "气管插管全麻"))
            if level in "34"
            else rng.choice(("硬膜外麻醉", "腰硬联合麻醉", "全身麻醉"))
        )
        visit.operations.append(
            Operation(on, code, name, level, "无" if code.startswith("73") else anesthesia, rng.choice("23"))
        )
        visit.story = "surgery"
        visit.samples.append(
            _sample(rng, disease, clock(rng, min(on + timedelta(days=1), end_day), 6, 8), 0.6, ("cbc",))
        )
        if disease.code[0] in "DKNC" and rng.random() < 0.9:
            visit.pathology.append(Pathology(on, on + timedelta(days=rng.randint(3, 6)), "benign", _specimen(name)))
    visit.stage["days"] = str(days)
    if age > 70 and disease.inpatient > 0.5 and rng.random() < 0.012:
        visit.disposition = "5"
    else:
        visit.disposition = rng.choices(("1", "2", "3", "4", "9"), (93, 2, 2, 2, 1))[0]
    return visit


def _specimen(operation: str) -> str:
    """Return what an operation sends to pathology."""
    organs = ("胆囊", "阑尾", "甲状腺", "子宫", "乳房", "结肠", "前列腺", "疝")
    organ = next((organ for organ in organs if organ in operation), "病变")
    return {"疝": "疝囊", "子宫": "子宫肌瘤", "乳房": "乳房肿物", "病变": "病变组织"}.get(organ, f"{organ}组织")


def _episode(rng: Random, disease: Disease, day: date, others: list[Disease], person: Person, first: bool) -> Encounter:
    share = disease.inpatient if first or not disease.chronic else disease.inpatient * 0.35
    if rng.random() < share:
        return stay(rng, disease, day, others, person.age_at(day))
    return outpatient(rng, disease, day, others, first)


def _pregnancy(rng: Random, due: date, others: list[Disease], earliest: date) -> list[Encounter]:
    """Return antenatal visits and the delivery of one pregnancy."""
    antenatal = BY_CODE["Z34.900"]
    visits = []
    for week in (8, 12, 16, 20, 24, 28, 32, 36):
        day = due - timedelta(days=(39 - week) * 7 + rng.randint(-3, 3))
        if day >= earliest and rng.random() < 0.75:
            visit = outpatient(rng, antenatal, day, others, week == 8)
            visit.complaint = f"停经{week}周，定期产检"
            visits.append(visit)
    visits.append(stay(rng, BY_CODE["O82.900" if rng.random() < 0.4 else "O80.900"], due, [], 30))
    return visits


def _chronic(rng: Random, person: Person, start: date, menu: Weighted[Disease]) -> list[Disease]:
    """Draw the person's chronic conditions: more with age; restricted ones on their own, about one adult in 170."""
    wanted = rng.choices((0, 1, 2, 3), _CHRONIC_COUNTS[band(person.age_at(start))])[0]
    conditions: list[Disease] = []
    for _ in range(wanted * 3):
        candidate = menu.draw(rng)
        if candidate.chronic and candidate not in conditions and len(conditions) < wanted:
            conditions.append(candidate)
    if person.age_at(start) >= 18 and rng.random() < 0.006:
        conditions.append(BY_CODE[rng.choice(("Z21.x00", "B20.900", "A53.900", "Z21.x00"))])
    return conditions


def _revisits(
    rng: Random, disease: Disease, conditions: list[Disease], person: Person, day: date, last: date
) -> list[Encounter]:
    """Return the first visit for a chronic condition and its revisits at about equal intervals."""
    visits: list[Encounter] = []
    every = rng.choice((60, 90, 90, 120, 180, 240))
    others = [d for d in conditions if d is not disease and d.code[:3] not in RESTRICTED]
    for number in range(rng.choice((1, 2, 2, 3, 4, 6))):
        if day > last:
            break
        visits.append(_episode(rng, disease, day, others, person, number == 0))
        day += timedelta(days=every + rng.randint(-10, 14))
    return visits


def _acute(
    rng: Random, conditions: list[Disease], person: Person, day: date, menu: Weighted[Disease]
) -> list[Encounter]:
    """Return an episode that is mostly acute, sometimes with a check some weeks later."""
    disease = menu.draw(rng)
    for _ in range(4):
        if disease.chronic:
            disease = menu.draw(rng)
    visits = [_episode(rng, disease, day, conditions, person, True)]
    if rng.random() < 0.3:
        visits.append(outpatient(rng, disease, day + timedelta(days=rng.randint(14, 40)), [], False))
    return visits


def plan(rng: Random, person: Person, first_day: date, known_by: date, last_day: date) -> Course:
    """Return the course of a person without breast cancer from ``first_day`` to ``last_day``.

    At least one visit lies before ``known_by``.
    """
    start = max(first_day, person.birth + timedelta(days=3))
    span = max((last_day - start).days, 1)
    menu = _menu(person.male, band(person.age_at(start)))
    conditions = _chronic(rng, person, start, menu)
    encounters: list[Encounter] = []
    for disease in conditions:
        day = start + timedelta(days=rng.randrange(span))
        encounters += _revisits(rng, disease, conditions, person, day, last_day)
    wanted = rng.choices((0, 1, 2, 3, 4, 5), (10, 28, 26, 18, 11, 7))[0]
    for _ in range(wanted if encounters else max(wanted, 1)):
        encounters += _acute(rng, conditions, person, start + timedelta(days=rng.randrange(span)), menu)
    if not person.male and 20 <= person.age_at(start) <= 39 and rng.random() < 0.16:
        encounters += _pregnancy(rng, start + timedelta(days=rng.randrange(span)), [], start)
    course = Course([e for e in encounters if start <= e.start.date() <= last_day], [], conditions)
    if all(e.start.date() >= known_by for e in course.encounters):
        day = start + timedelta(days=rng.randrange(max((known_by - start).days, 1)))
        course.encounters.append(outpatient(rng, BY_CODE["J06.900"], day, [], True))
    separate(course)
    return course


def separate(course: Course) -> None:
    """Drop visits inside a stay and everything after a death in hospital; then number what is left."""
    course.encounters.sort(key=lambda encounter: encounter.start)
    kept: list[Encounter] = []
    busy_until = datetime.min
    for encounter in course.encounters:
        if encounter.start <= busy_until:
            continue
        kept.append(encounter)
        busy_until = encounter.end or encounter.start
        if encounter.disposition == "5":
            course.death = (encounter.end or encounter.start).date()
            break
    course.encounters = kept
    course.number_encounters()
