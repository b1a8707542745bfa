"""The course of a breast cancer: imaging, biopsy, systemic treatment and surgery in the right order, then years of control."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from include.sample_hospital import breast_treatment as treatment
from include.sample_hospital.breast_cancer import BreastCancer, draw
from include.sample_hospital.course import (
    EMERGENCY,
    INPATIENT,
    OUTPATIENT,
    Contact,
    Course,
    Encounter,
    Operation,
    Pathology,
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


class Planner:
    """Builds one course day by day; ``last`` is the last day that is planned."""

    def __init__(self, rng: Random, person: Person, tumour: BreastCancer, last: date) -> None:
        self.rng, self.person, self.tumour, self.last = rng, person, tumour, last
        self.encounters: list[Encounter] = []
        self.contacts: list[Contact] = []
        self.sites: list[str] = []

    # ---- building blocks

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

    # ---- the phases

    def work_up(self) -> date:
        """First visit, imaging, core biopsy; returns the day of the pathology report."""
        rng, tumour = self.rng, self.tumour
        day = tumour.first_visit
        side = tumour.side
        said = rng.choice(
            (
                f"发现{side}乳肿物{rng.randint(1, 11)}月",
                f"体检发现{side}乳占位",
                f"{side}乳肿物伴疼痛",
                f"{side}侧乳头溢血",
            )
        )
        first = self.visit(day, SURGERY, said, "breast_first")
        first.studies.append(Study(first.start + timedelta(minutes=70), "US", "乳腺", "breast"))
        if not self.person.male:
            first.studies.append(Study(first.start + timedelta(minutes=130), "MG", "乳腺", "breast"))
        first.samples.append(
            Sample(first.start + timedelta(minutes=30), ("breast_markers", "cbc"), self._marker_effects())
        )
        biopsy_day = day + timedelta(days=rng.randint(2, 9))
        biopsy = self.visit(biopsy_day, SURGERY, said, "breast_biopsy")
        biopsy.samples.append(Sample(biopsy.start + timedelta(minutes=20), ("cbc", "coagulation", "infection")))
        if not self.person.male and rng.random() < 0.7:
            biopsy.studies.append(Study(biopsy.start + timedelta(hours=2), "MR", "乳腺", "breast"))
        biopsy.operations.append(Operation(biopsy_day, "85.1100", "经皮乳房穿刺活组织检查", "1", "局部麻醉"))
        reported = biopsy_day + timedelta(days=rng.randint(4, 6))
        biopsy.pathology.append(Pathology(biopsy_day, reported, "biopsy", f"{side}乳肿物穿刺组织"))
        if tumour.fish_ratio is not None:
            reported += timedelta(days=6)
            biopsy.pathology.append(Pathology(biopsy_day, reported, "fish", f"{side}乳肿物穿刺组织"))
        tumour.diagnosed_on = reported
        return reported

    def _marker_effects(self) -> dict[str, float]:
        burden = {"IA": 1.0, "IIA": 1.1, "IIB": 1.2}.get(self.tumour.stage, 1.6)
        if self.sites or self.tumour.stage == "IV":
            burden = 4.5
        return {"CA153": burden, "CEA": 1 + (burden - 1) * 0.7}

    def chemotherapy(self, start: date, regimen: str, first_line: bool) -> date:
        """Give the cycles of a regimen, 21 days apart (28 when the blood has not recovered); returns the last cycle's day."""
        rng, tumour, day = self.rng, self.tumour, start
        cycles = treatment.REGIMENS[regimen]
        for number, drugs in enumerate(cycles, start=1):
            if day > self.last or self._dead_by(day):
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
            stay.samples.append(Sample(stay.start + timedelta(minutes=45), ("breast_markers",), self._marker_effects()))
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

    def operate(self, day: date) -> date:
        """Admit, operate, report the specimen; returns the day of discharge."""
        rng, tumour = self.rng, self.tumour
        operated = day + timedelta(days=rng.randint(1, 2))
        stay_days = rng.randint(5, 10)
        stay = self.admit(day, stay_days, SURGERY, f"确诊{tumour.side}乳癌，拟行手术", "breast_surgery")
        code, name, level = treatment.choose_surgery(rng, tumour, self.person.male)
        tumour.surgery_on, tumour.surgery_code, tumour.surgery_name = operated, code, name
        stay.operations.append(Operation(operated, code, name, level, "气管插管全麻", "2"))
        if tumour.n == "N0":
            stay.operations.append(Operation(operated, "40.1100", "前哨淋巴结活组织检查", "2", "气管插管全麻", "2"))
        elif code == "85.2200":
            stay.operations.append(Operation(operated, "40.2300", "腋淋巴结切除术", "3", "气管插管全麻", "2"))
        stay.samples += [
            Sample(
                stay.start + timedelta(hours=1),
                ("cbc", "liver", "kidney", "electrolytes", "coagulation", "infection", "breast_markers"),
                self._marker_effects(),
            ),
            Sample(clock(rng, operated + timedelta(days=1), 6, 8), ("cbc", "electrolytes"), {"HGB": 0.88, "WBC": 1.4}),
        ]
        stay.studies.append(Study(stay.start + timedelta(hours=4), "DR", "胸部", "normal_chest"))
        reported = operated + timedelta(days=rng.randint(4, 7))
        stay.pathology.append(Pathology(operated, reported, "surgery", f"{tumour.side}乳腺及腋窝淋巴结切除标本"))
        stay.prescriptions += [
            Prescription(stay.start + timedelta(hours=20), "cefuroxime"),
            Prescription(stay.start + timedelta(days=2), "celecoxib"),
        ]
        return day + timedelta(days=stay_days)

    def radiotherapy(self, start: date) -> date:
        visit = self.visit(start, RADIATION, f"{self.tumour.side}乳癌术后，行放射治疗", "radiotherapy")
        finish = start + timedelta(days=33)
        conserving = self.tumour.surgery_code == "85.2200"
        name = f"{self.tumour.side}{'全乳' if conserving else '胸壁'}{'' if self.tumour.n == 'N0' else '+锁骨上区'}放射治疗 50Gy/25f"
        visit.radiotherapy = (visit.start + timedelta(hours=1), clock(self.rng, finish), name)
        self.tumour.radiotherapy_on = start
        for week in (2, 4):
            check = self.visit(start + timedelta(weeks=week), RADIATION, "放疗中复查", "nadir")
            check.samples.append(Sample(check.start + timedelta(minutes=15), ("cbc",), {"WBC": 0.75, "LYMPH": 0.5}))
        return finish

    def repeat(self, start: date, drugs: tuple[str, ...], every: int, times: int, story: str, said: str) -> None:
        """Give the same drugs at fixed intervals until ``times`` is reached, the plan's end or death."""
        day = start
        for number in range(times):
            if day > self.last or self._dead_by(day):
                return
            visit = self.visit(day, ONCOLOGY, said, story)
            visit.stage["cycle"] = str(number + 1)
            visit.prescriptions += [
                Prescription(visit.start + timedelta(minutes=40 + i), drug) for i, drug in enumerate(drugs)
            ]
            if every >= 60 or number % 4 == 0:
                panels = ("cbc", "liver", "breast_markers", "lipids") if every >= 60 else ("cbc", "liver", "kidney")
                visit.samples.append(Sample(visit.start + timedelta(minutes=20), panels, self._marker_effects()))
            if every >= 60 and number % 2 == 1:
                visit.studies.append(Study(visit.start + timedelta(minutes=100), "US", "乳腺", "breast_control"))
            day += timedelta(days=every)

    def _dead_by(self, day: date) -> bool:
        return self.tumour.death_on is not None and day >= self.tumour.death_on - timedelta(days=3)

    def relapse(self, day: date) -> None:
        """Recurrence or metastasis: imaging, sometimes a biopsy, and the next line of treatment."""
        rng, tumour = self.rng, self.tumour
        local = tumour.recurrence_kind == "复发"
        self.sites = [tumour.recurrence_site]
        visit = self.visit(day, ONCOLOGY, "乳癌治疗后复查发现异常", "relapse")
        visit.samples.append(
            Sample(
                visit.start + timedelta(minutes=20),
                ("cbc", "liver", "breast_markers", "kidney"),
                self._marker_effects(),
            )
        )
        part = {"脑": ("MR", "颅脑"), "骨": ("CT", "胸腰椎"), "肝": ("CT", "腹部")}.get(
            tumour.recurrence_site, ("CT", "胸部")
        )
        visit.studies.append(Study(visit.start + timedelta(hours=2), part[0], part[1], "metastasis"))
        if local or rng.random() < 0.4:
            visit.pathology.append(
                Pathology(day, day + timedelta(days=5), "recurrence", f"{tumour.recurrence_site}肿物穿刺组织")
            )
        start = day + timedelta(days=rng.randint(9, 20))
        if tumour.her2_status == "positive":
            self.chemotherapy(start, "T-DM1", False)
        elif tumour.hormone_positive and not local:
            self.repeat(start, ("fulvestrant", "palbociclib"), 28, 14, "endocrine", "晚期乳癌内分泌治疗")
        else:
            self.chemotherapy(start, rng.choice(("X", "NX", "GP")), False)
        if tumour.recurrence_site == "骨":
            self.repeat(start, ("zoledronic",), 84, 6, "endocrine", "骨转移定期用药")


def _outlook(planner: Planner, started: date) -> None:
    """Draw recurrence, metastasis and death after the treatment start."""
    rng, tumour = planner.rng, planner.tumour
    if tumour.stage == "IV":
        tumour.recurrence_site = rng.choice(_SITES[:4])
        planner.sites = [tumour.recurrence_site]
        death = started + timedelta(days=int(365 * (0.5 + treatment.years_to_death(rng, tumour))))
    else:
        years = treatment.years_to_recurrence(rng, tumour)
        if years > 6:
            return
        tumour.recurrence_on = started + timedelta(days=max(200, int(365 * years)))
        tumour.recurrence_kind = "复发" if rng.random() < 0.3 else "转移"
        tumour.recurrence_site = (
            rng.choice(("胸壁", "锁骨上淋巴结")) if tumour.recurrence_kind == "复发" else rng.choice(_SITES[:4])
        )
        death = tumour.recurrence_on + timedelta(days=int(365 * treatment.years_to_death(rng, tumour)))
    if death <= planner.last + timedelta(days=1):
        tumour.death_on = death
    if tumour.recurrence_on and tumour.recurrence_on > planner.last:
        tumour.recurrence_on, tumour.recurrence_kind, tumour.recurrence_site = None, "", ""


def _follow_up(planner: Planner, start: date) -> None:
    rng, tumour = planner.rng, planner.tumour
    day = start
    while day <= planner.last:
        if tumour.death_on and day >= tumour.death_on:
            planner.contacts.append(
                Contact(
                    tumour.death_on + timedelta(days=rng.randint(5, 40)),
                    "电话",
                    "死亡",
                    tumour.recurrence_site,
                    tumour.death_on,
                )
            )
            return
        relapsed = tumour.recurrence_on is not None and day >= tumour.recurrence_on
        status = tumour.recurrence_kind if relapsed else "转移" if tumour.stage == "IV" else "无病生存"
        if rng.random() < 0.03:
            status = "失访"
        site = tumour.recurrence_site if status in ("复发", "转移") else ""
        planner.contacts.append(Contact(day, rng.choices(("电话", "门诊", "微信"), (60, 28, 12))[0], status, site))
        day += timedelta(days=90 + rng.randint(-8, 12))


def plan(rng: Random, person: Person, first_day: date, last_diagnosis: date, last_day: date) -> Course:
    """Return the course of a breast cancer patient; the first visit lies between ``first_day`` and ``last_diagnosis``."""
    tumour = draw(
        rng, person.male, first_day + timedelta(days=rng.randrange(max((last_diagnosis - first_day).days, 1)))
    )
    planner = Planner(rng, person, tumour, last_day)
    reported = planner.work_up()
    day = reported + timedelta(days=rng.randint(5, 14))
    regimen = treatment.choose_regimen(rng, tumour)
    tumour.neoadjuvant = treatment.wants_neoadjuvant(rng, tumour, regimen)
    tumour.regimen = regimen
    tumour.first_treatment_on = day
    _outlook(planner, day)
    if tumour.stage == "IV":
        end = planner.chemotherapy(day, regimen, True) if regimen else day
    elif tumour.neoadjuvant:
        end = planner.operate(planner.chemotherapy(day, regimen, True) + timedelta(days=rng.randint(21, 28)))
        tumour.first_treatment_on = tumour.cycle_days[0]
    else:
        discharged = planner.operate(day)
        tumour.first_treatment_on = tumour.surgery_on
        end = (
            planner.chemotherapy(discharged + timedelta(days=rng.randint(14, 28)), regimen, True)
            if regimen
            else discharged
        )
    relapse_on = tumour.recurrence_on
    if tumour.her2_status == "positive" and regimen:
        tumour.her2_targeted = "曲妥珠单抗+帕妥珠单抗" if "HP" in regimen else "曲妥珠单抗"
        targeted = ("trastuzumab", "pertuzumab") if "HP" in regimen else ("trastuzumab",)
        planner.repeat(
            end + timedelta(days=21),
            targeted,
            21,
            17 - sum("trastuzumab" in c for c in treatment.REGIMENS[regimen]),
            "targeted",
            "乳癌靶向治疗",
        )
    if tumour.stage != "IV" and (tumour.surgery_code == "85.2200" or tumour.n != "N0" or tumour.t in ("T3", "T4")):
        planner.radiotherapy(end + timedelta(days=rng.randint(24, 35)))
    if tumour.hormone_positive:
        drugs = treatment.endocrine_choice(rng, person.age_at(day), person.male)
        if tumour.stage == "IV" and not regimen:
            drugs = (*drugs, "palbociclib")
        tumour.endocrine, tumour.endocrine_on = (
            "+".join(drugs),
            end + timedelta(days=21) if regimen else end + timedelta(days=1),
        )
        planner.repeat(tumour.endocrine_on, drugs, 90, 20, "endocrine", "乳癌术后内分泌治疗复诊")
    if relapse_on:
        planner.encounters = [
            e
            for e in planner.encounters
            if e.start.date() < relapse_on or e.story in ("breast_surgery", "radiotherapy")
        ]
        planner.relapse(relapse_on)
    _follow_up(planner, end + timedelta(days=60))
    stop = min(last_day, tumour.death_on - timedelta(days=1) if tumour.death_on else last_day)
    course = Course(
        [e for e in planner.encounters if e.start.date() <= stop], planner.contacts, [], tumour, tumour.death_on
    )
    course.contacts = [c for c in course.contacts if c.day <= last_day]
    return course
