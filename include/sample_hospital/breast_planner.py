"""Building blocks of a breast cancer's course: visits and stays, chemotherapy cycles, treatment at intervals."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from include.sample_hospital import breast_treatment as treatment
from include.sample_hospital.breast_cancer import BreastCancer
from include.sample_hospital.course import (
    EMERGENCY,
    INPATIENT,
    OUTPATIENT,
    Contact,
    Encounter,
    Operation,
    Prescription,
    Study,
)
from include.sample_hospital.general import clock
from include.sample_hospital.labs import Sample
from include.sample_hospital.people import Person

SURGERY, ONCOLOGY, RADIATION = "乳腺外科", "乳腺肿瘤内科", "放疗科"
_CHEMO = ("Z51.103", "手术后恶性肿瘤化学治疗")
_PRE_CHEMO = ("Z51.101", "恶性肿瘤术前化学治疗")
_PALLIATIVE = ("Z51.102", "恶性肿瘤维持性化学治疗")
_SITES = ("骨", "肺", "肝", "脑", "锁骨上淋巴结")
_SECONDARY = {
    "骨": ("C79.500", "骨和骨髓继发性恶性肿瘤"),
    "肺": ("C78.000", "肺部继发性恶性肿瘤"),
    "肝": ("C78.700", "肝继发性恶性肿瘤"),
    "脑": ("C79.300", "脑和脑膜继发性恶性肿瘤"),
    "锁骨上淋巴结": ("C77.000", "头、面和颈部淋巴结继发性恶性肿瘤"),
    "胸壁": ("C79.200", "皮肤继发性恶性肿瘤"),
}


class TreatmentPlanner:
    """Builds one course day by day; ``last`` is the last day that is planned."""

    def __init__(self, rng: Random, person: Person, tumour: BreastCancer, last: date) -> None:
        self.rng, self.person, self.tumour, self.last = rng, person, tumour, last
        self.encounters: list[Encounter] = []
        self.contacts: list[Contact] = []
        self.sites: list[str] = []

    def _diagnoses(self, *others: tuple[str, str]) -> list[tuple[str, str]]:
        return [(self.tumour.code, self.tumour.code_name), *others, *(_SECONDARY[site] for site in self.sites)]

    def visit(self, day: date, department: str, complaint: str, story: str, kind: str = OUTPATIENT) -> Encounter:
        start = clock(self.rng, day)
        end = start + timedelta(hours=6) if kind == EMERGENCY else None
        encounter = Encounter(kind, start, end, department, self._diagnoses(), complaint, story)
        self.encounters.append(encounter)
        return encounter

    def admit(self, day: date, days: int, department: str, complaint: str, story: str) -> Encounter:
        encounter = self.visit(day, department, complaint, story, INPATIENT)
        encounter.end = clock(self.rng, day + timedelta(days=days), 9, 12)
        encounter.stage["days"] = str(days)
        encounter.with_notes = True
        return encounter

    def marker_effects(self) -> dict[str, float]:
        burden = {"IA": 1.0, "IIA": 1.1, "IIB": 1.2}.get(self.tumour.stage, 1.6)
        if self.sites or self.tumour.stage == "IV":
            burden = 4.5
        return {"CA153": burden, "CEA": 1 + (burden - 1) * 0.7}

    def chemotherapy(self, start: date, regimen: str, first_line: bool) -> date:
        """Give the cycles of a regimen, 21 days apart (28 when the blood has not recovered); returns the last cycle's
        day.
        """
        rng, tumour, day = self.rng, self.tumour, start
        cycles = treatment.REGIMENS[regimen]
        for number, drugs in enumerate(cycles, start=1):
            if day > self.last or self.dead_by(day):
                break
            supported = rng.random() < 0.55
            toxicity = treatment.draw_toxicity(rng, drugs, number, supported)
            self._cycle(day, regimen, number, len(cycles), drugs, toxicity, supported)
            if first_line:
                tumour.cycle_days.append(day)
                tumour.neutropenia_grades.append(toxicity.neutropenia)
            last = day
            delayed = toxicity.neutropenia == 4 and rng.random() < 0.25
            day += timedelta(days=treatment.CYCLE_DAYS + (7 if delayed else 0))
        else:
            return last
        return day

    def _cycle(
        self,
        day: date,
        regimen: str,
        number: int,
        total: int,
        drugs: tuple[str, ...],
        toxicity: treatment.Toxicity,
        supported: bool,
    ) -> None:
        rng = self.rng
        stay = self.admit(day, rng.choice((1, 1, 2, 3)), ONCOLOGY, f"{self.tumour.side}乳癌第{number}周期化疗", "chemo")
        reason = _PALLIATIVE if self.sites else _PRE_CHEMO if self.tumour.surgery_on is None else _CHEMO
        stay.diagnoses.insert(1, reason)
        stay.stage |= {"regimen": regimen, "cycle": str(number), "cycles": str(total)}
        stay.samples.append(
            Sample(
                stay.start + timedelta(minutes=40), ("cbc", "liver", "kidney", "electrolytes"), fixed=toxicity.recovered
            )
        )
        if number % 2 == 1:
            stay.samples.append(Sample(stay.start + timedelta(minutes=45), ("breast_markers",), self.marker_effects()))
        given = stay.start + timedelta(hours=3)
        stay.prescriptions += [
            Prescription(given - timedelta(minutes=40), "dexamethasone"),
            Prescription(given - timedelta(minutes=30), "ondansetron"),
        ]
        for offset, drug in enumerate(drugs):
            dose = (
                "8" if drug == "trastuzumab" and number == 1 else "840" if drug == "pertuzumab" and number == 1 else ""
            )
            stay.prescriptions.append(Prescription(given + timedelta(minutes=50 * offset), drug, dose))
        if supported:
            stay.prescriptions.append(Prescription(stay.start + timedelta(hours=21), "pegfilgrastim"))
        if number == 1 and rng.random() < 0.5:
            stay.operations.append(Operation(day, "86.0700", "完全可植入血管通路装置置入", "2", "局部麻醉"))
        if treatment.CYTOTOXIC & set(drugs):
            self._nadir(day, toxicity)

    def _nadir(self, day: date, toxicity: treatment.Toxicity) -> None:
        """Blood count between the cycles; severe neutropenia is treated, with fever it leads to a stay."""
        rng = self.rng
        nadir_day = day + timedelta(days=rng.randint(8, 12))
        if toxicity.neutropenia == 4 and rng.random() < 0.12:
            fever = self.admit(nadir_day, rng.randint(4, 7), ONCOLOGY, "化疗后发热1天", "fever")
            fever.diagnoses.append(("D70.x00", "粒细胞缺乏"))
            fever.samples.append(
                Sample(
                    fever.start + timedelta(minutes=20),
                    ("cbc", "liver", "crp", "pct"),
                    {"CRP": 9, "PCT": 8},
                    toxicity.nadir,
                )
            )
            fever.prescriptions += [
                Prescription(fever.start + timedelta(hours=1), "piperacillin"),
                Prescription(fever.start + timedelta(hours=1), "filgrastim"),
            ]
            return
        if rng.random() < 0.22:
            return
        check = self.visit(nadir_day, ONCOLOGY, "化疗后复查血常规", "nadir")
        panels = ("cbc", "liver") if toxicity.liver or rng.random() < 0.5 else ("cbc",)
        check.samples.append(Sample(check.start + timedelta(minutes=15), panels, fixed=toxicity.nadir))
        if toxicity.neutropenia >= 3:
            check.prescriptions.append(Prescription(check.start + timedelta(hours=1), "filgrastim"))
        if toxicity.liver >= 2:
            check.prescriptions.append(Prescription(check.start + timedelta(hours=1, minutes=10), "glutathione"))

    def repeat(self, start: date, drugs: tuple[str, ...], every: int, times: int, story: str, said: str) -> None:
        """Give the same drugs at fixed intervals until ``times`` is reached, the plan's end or death."""
        day = start
        for number in range(times):
            if day > self.last or self.dead_by(day):
                return
            visit = self.visit(day, ONCOLOGY, said, story)
            visit.stage["cycle"] = str(number + 1)
            visit.prescriptions += [
                Prescription(visit.start + timedelta(minutes=40 + i), drug) for i, drug in enumerate(drugs)
            ]
            if every >= 60 or number % 4 == 0:
                panels = ("cbc", "liver", "breast_markers", "lipids") if every >= 60 else ("cbc", "liver", "kidney")
                visit.samples.append(Sample(visit.start + timedelta(minutes=20), panels, self.marker_effects()))
            if every >= 60 and number % 2 == 1:
                visit.studies.append(Study(visit.start + timedelta(minutes=100), "US", "乳腺", "breast_control"))
            day += timedelta(days=every)

    def dead_by(self, day: date) -> bool:
        return self.tumour.death_on is not None and day >= self.tumour.death_on - timedelta(days=3)
