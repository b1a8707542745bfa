"""The people of the sample hospital. Every one of them is invented and cannot exist: see ``identifiers`` for why no
number here can belong to somebody. A person is a pure function of (seed, index).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from include.sample_hospital import identifiers, names, places
from include.sample_hospital.places import Address
from include.sample_hospital.randomness import Stream, Weighted, derive

REGISTERED_ONLY = 800_000  # people from this index on are registered but never seen
ARRIVALS = 900_000  # people from this index on come for the first time in a daily delivery
ARRIVALS_A_DAY_MAX = 90

_ETHNICITY = Weighted(
    [("01", 93.0), ("08", 2.5), ("03", 0.8), ("05", 0.3), ("04", 0.3), ("15", 0.5), ("11", 0.5), ("06", 0.8)]
)
_AGE_BAND = Weighted([((0, 5), 5), ((6, 17), 6), ((18, 39), 27), ((40, 59), 32), ((60, 79), 25), ((80, 97), 5)])
_RELATIONS = {
    "配偶": ("其夫", "其妻"),
    "子": ("其子",),
    "女": ("其女",),
    "父": ("其父",),
    "母": ("其母",),
    "弟": ("其弟",),
    "姐": ("其姐",),
}


@dataclass(frozen=True, slots=True)
class Person:
    """One human being (grain: one). Dates of birth are exact; ``resident_id`` is empty for some children and
    foreigners.
    """

    index: int
    name: str
    male: bool
    birth: date
    resident_id: str
    mobile: str
    next_mobile: str
    mobile_changes_at: datetime | None
    address: Address
    employer: str
    marital: str
    ethnicity: str
    contact_name: str
    contact_relation: str
    contact_mobile: str
    second_his_number: bool
    second_number_without_id: bool
    systems_without_id: frozenset[str]

    @property
    def key(self) -> str:
        return f"p{self.index:06d}"

    @property
    def sex_zh(self) -> str:
        return "男" if self.male else "女"

    def age_at(self, day: date) -> int:
        return day.year - self.birth.year - ((day.month, day.day) < (self.birth.month, self.birth.day))

    def mobile_at(self, moment: datetime) -> str:
        return self.next_mobile if self.mobile_changes_at and moment >= self.mobile_changes_at else self.mobile


def _marital(rng: Random, age: int) -> str:
    if age < 22:
        return "10"
    if age < 32:
        return rng.choices(("10", "20", "21", "40"), (45, 30, 23, 2))[0]
    if age < 65:
        return rng.choices(("20", "21", "22", "40", "10", "30", "23", "90"), (55, 20, 5, 8, 5, 4, 1, 2))[0]
    return rng.choices(("20", "21", "30", "40", "90"), (55, 12, 27, 4, 2))[0]


def _contact(rng: Random, name: str, male: bool, age: int, marital: str) -> tuple[str, str]:
    """Return (name, relation) of the contact; children have a parent, the old mostly a child."""
    family = names.family_of(name)
    if age < 18:
        father = rng.random() < 0.4
        return names.han_name(rng, father, family if father else None), "父" if father else "母"
    if age > 58 and rng.random() < 0.7:
        son = rng.random() < 0.5
        return names.han_name(rng, son, family if male else None), "子" if son else "女"
    if marital in ("20", "21", "22", "23"):
        return names.han_name(rng, not male), "配偶"
    brother = rng.random() < 0.5
    return names.han_name(rng, brother, family), "弟" if brother else "姐"


def relation_phrase(person: Person) -> str:
    """Return how a note calls the contact: 其妻, 其女 …"""
    phrases = _RELATIONS[person.contact_relation]
    return phrases[1] if len(phrases) == 2 and person.male else phrases[0]


def make_person(seed: int, index: int, today: date, sex_age: tuple[bool, int] | None = None) -> Person:
    """Return person ``index`` of the hospital ``seed``; ``sex_age`` = (male, age on ``today``) overrides the usual
    mix.
    """
    rng = derive(seed, Stream.PERSON, index)
    male = rng.random() < 0.44
    low, high = _AGE_BAND.draw(rng)
    age = rng.randint(low, high)
    if sex_age is not None:
        male, age = sex_age
    birth = today - timedelta(days=int(age * 365.25) + rng.randint(0, 360))
    ethnicity = _ETHNICITY.draw(rng)
    foreign = rng.random() < 0.004
    if foreign:
        name, ethnicity = names.foreign_name(rng, male), "01"
    elif ethnicity in ("05", "04") and rng.random() < 0.9:
        name = names.minority_name(rng, male)
    else:
        name = names.han_name(rng, male)
    marital = _marital(rng, age)
    contact_name, relation = _contact(rng, name, male, age, marital)
    home = places.address(rng)
    no_id = foreign or (age < 8 and rng.random() < 0.45) or rng.random() < 0.008
    changes = rng.random() < 0.3
    change_day = today - timedelta(days=rng.randint(-170, 420))
    return Person(
        index=index,
        name=name,
        male=male,
        birth=birth,
        resident_id="" if no_id else identifiers.resident_id(index, birth, male),
        mobile=identifiers.mobile(rng),
        next_mobile=identifiers.mobile(rng),
        mobile_changes_at=datetime(change_day.year, change_day.month, change_day.day, 10, 12) if changes else None,
        address=home,
        employer=places.employer(rng, age, home.city),
        marital=marital,
        ethnicity=ethnicity,
        contact_name=contact_name,
        contact_relation=relation,
        contact_mobile=identifiers.mobile(rng),
        second_his_number=rng.random() < 0.02,
        second_number_without_id=rng.random() < 0.25,
        systems_without_id=frozenset(
            system
            for system, share in (("lis", 0.1), ("pacs", 0.1), ("path", 0.03), ("follow_up", 0.08))
            if rng.random() < share
        ),
    )
