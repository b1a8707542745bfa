"""What happens to a person: the records that a planned course of visits is made of. Planning draws no row; it is
cheap, so the whole course (beyond the last delivery too) is always planned and does not depend on how many days are
delivered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from include.sample_hospital.diseases import Disease
from include.sample_hospital.labs import Sample

if TYPE_CHECKING:
    from include.sample_hospital.breast_cancer import BreastCancer

OUTPATIENT, EMERGENCY, INPATIENT = "1", "2", "3"


@dataclass(slots=True)
class Prescription:
    """A drug order and its dispensing. ``dose`` empty = the usual dose; ``stop`` = end of the order, if it has one."""

    at: datetime
    drug: str
    dose: str = ""
    stop: datetime | None = None


@dataclass(slots=True)
class Study:
    """An imaging study. ``finding`` names the report to write (see ``reports``)."""

    at: datetime
    modality: str
    body_part: str
    finding: str


@dataclass(slots=True)
class Pathology:
    """A pathology case. ``kind``: biopsy, surgery, fish, recurrence, or benign (any other specimen)."""

    received: date
    reported: date
    kind: str
    specimen: str


@dataclass(slots=True)
class Operation:
    """An operation or procedure; ``level`` 1-4; ``code`` of ICD-9-CM-3."""

    day: date
    code: str
    name: str
    level: str
    anesthesia: str
    incision: str = "2"


@dataclass(slots=True)
class Contact:
    """A follow-up contact by the disease team."""

    day: date
    method: str
    status: str
    site: str = ""
    death: date | None = None


@dataclass(slots=True)
class Encounter:
    """One visit or stay. ``story`` selects the notes' templates; ``stage`` holds words for them (cycle number, regimen
    …).
    """

    visit_class: str
    start: datetime
    end: datetime | None
    department: str
    diagnoses: list[tuple[str, str]]
    complaint: str
    story: str
    number: int = 0
    stay: int = 0
    samples: list[Sample] = field(default_factory=list)
    prescriptions: list[Prescription] = field(default_factory=list)
    studies: list[Study] = field(default_factory=list)
    pathology: list[Pathology] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    radiotherapy: tuple[datetime, datetime, str] | None = None
    stage: dict[str, str] = field(default_factory=dict)
    disposition: str = "1"
    with_notes: bool = False

    @property
    def inpatient(self) -> bool:
        return self.visit_class == INPATIENT

    @property
    def last_moment(self) -> datetime:
        """Nothing of this encounter becomes known later than this."""
        moments = [
            self.end or self.start,
            *(datetime(p.reported.year, p.reported.month, p.reported.day, 23) for p in self.pathology),
        ]
        if self.radiotherapy:
            moments.append(self.radiotherapy[1])
        return max(moments) + timedelta(
            days=3
        )  # laboratory and imaging reports follow within hours, discharge notes the next day


@dataclass(slots=True)
class Course:
    """A person's planned course (grain: one per person): encounters by time, follow-up contacts, and the cancer's
    facts.
    """

    encounters: list[Encounter]
    contacts: list[Contact]
    conditions: list[Disease]
    cancer: BreastCancer | None = None
    death: date | None = None

    def number_encounters(self) -> None:
        """Sort by time and give every encounter its number, which identifiers are made of."""
        self.encounters.sort(key=lambda encounter: encounter.start)
        stay = 0
        for number, encounter in enumerate(self.encounters):
            encounter.number = number
            if encounter.inpatient:
                encounter.stay = stay
                stay += 1
