"""The hospital as a whole: which people it has and what happens to each. A patient is a pure function of (settings,
index).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from include.sample_hospital import breast_cancer, breast_course, canaries, general
from include.sample_hospital.course import Course
from include.sample_hospital.people import ARRIVALS, ARRIVALS_A_DAY_MAX, REGISTERED_ONLY, Person, make_person
from include.sample_hospital.randomness import Stream, derive

FIRST_DELIVERY = date(2026, 6, 1)
MAX_DELIVERIES = general.FUTURE_DAYS - 5
MAX_PATIENTS = REGISTERED_ONLY - 1


@dataclass(frozen=True, slots=True)
class Settings:
    """What a hospital is made from; equal settings give byte-identical files."""

    patients: int
    seed: int
    first_delivery: date = FIRST_DELIVERY

    @property
    def history_start(self) -> date:
        return self.first_delivery - timedelta(days=general.HISTORY_DAYS)

    @property
    def horizon(self) -> date:
        return self.first_delivery + timedelta(days=general.FUTURE_DAYS)

    def delivery(self, ordinal: int) -> date:
        """Return the date of a delivery; the first (0) holds everything before its date, the next ones a day each."""
        return self.first_delivery + timedelta(days=ordinal)


@dataclass(frozen=True, slots=True)
class Patient:
    """A person with the planned course."""

    person: Person
    course: Course


def _merge(cancer: Course, other: Course) -> Course:
    """Join a cancer's course with the patient's other visits, which give way to it."""
    taken = [
        (e.start.date() - timedelta(days=2), (e.end or e.start).date() + timedelta(days=2)) for e in cancer.encounters
    ]
    for encounter in other.encounters:
        day, until = encounter.start.date(), (encounter.end or encounter.start).date()
        unfit = encounter.disposition == "5" or encounter.diagnoses[0][0][:3] in (
            "D24",
            "N60",
            "O80",
            "O82",
            "Z34",
            "C34",
            "C18",
            "C73",
        )
        dead = cancer.death is not None and until >= cancer.death - timedelta(days=3)
        if not unfit and not dead and not any(low <= until and day <= high for low, high in taken):
            cancer.encounters.append(encounter)
    comorbid = [(d.code, d.name) for d in other.conditions if d.code in ("I10.x00", "E11.900", "E78.500", "B18.100")]
    for encounter in cancer.encounters:
        if encounter.inpatient and encounter.diagnoses[0][0].startswith("C50"):
            encounter.diagnoses += comorbid
    cancer.conditions = other.conditions
    cancer.number_encounters()
    return cancer


def second_number_from(one: Patient) -> int:
    """Return the number of the encounter that first uses the second HIS number (beyond the last = never)."""
    count = len(one.course.encounters)
    return count // 2 if one.person.second_his_number and count > 1 else count


def patient(settings: Settings, index: int) -> Patient:
    """Return patient ``index`` (a regular one, or an arrival: see ``people``)."""
    arrival = index >= ARRIVALS
    draw = derive(settings.seed, Stream.BREAST_CANCER, index)
    has_cancer = not arrival and draw.random() < breast_cancer.SHARE
    sex_age = None
    if has_cancer:
        sex_age = (draw.random() < breast_cancer.MALE_SHARE, int(min(max(draw.gauss(52, 11), 26), 88)))
    person = canaries.disguise(make_person(settings.seed, index, settings.first_delivery, sex_age))
    rng = derive(settings.seed, Stream.COURSE, index)
    if arrival:
        first = settings.first_delivery + timedelta(days=(index - ARRIVALS) // ARRIVALS_A_DAY_MAX)
        return Patient(person, general.plan(rng, person, first, first + timedelta(days=1), settings.horizon))
    course = general.plan(rng, person, settings.history_start, settings.first_delivery, settings.horizon)
    if has_cancer:
        last_diagnosis = settings.first_delivery + timedelta(days=60)
        course = _merge(
            breast_course.plan(draw, person, settings.history_start, last_diagnosis, settings.horizon), course
        )
    return Patient(person, course)


def arrivals_a_day(settings: Settings) -> int:
    return min(max(settings.patients // 500, 1), ARRIVALS_A_DAY_MAX)


def indexes(settings: Settings, ordinal: int) -> Iterator[int]:
    """Yield the indexes of all people with visits up to delivery ``ordinal``."""
    yield from range(settings.patients)
    for day in range(ordinal):
        first = ARRIVALS + day * ARRIVALS_A_DAY_MAX
        yield from range(first, first + arrivals_a_day(settings))


def registered_only(settings: Settings, ordinal: int) -> range:
    """Return the indexes of the people who are registered in this delivery without ever having a visit."""
    if ordinal == 0:
        return range(REGISTERED_ONLY, REGISTERED_ONLY + max(24, settings.patients * 12 // 1000))
    first = REGISTERED_ONLY + 50_000 + ordinal * 20
    return range(first, first + 2)
