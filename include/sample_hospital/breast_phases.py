"""The phases of a breast cancer's course: work-up, operation, radiotherapy, relapse."""

from __future__ import annotations

from datetime import date, timedelta

from include.sample_hospital import breast_treatment as treatment
from include.sample_hospital.breast_planner import ONCOLOGY, SURGERY, TreatmentPlanner
from include.sample_hospital.course import Operation, Pathology, Prescription, Study
from include.sample_hospital.general import clock
from include.sample_hospital.labs import Sample

RADIATION = "放疗科"


class Planner(TreatmentPlanner):
    """Plans whole phases, one after the other."""

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
            Sample(first.start + timedelta(minutes=30), ("breast_markers", "cbc"), self.marker_effects())
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
                self.marker_effects(),
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
        field = ("全乳" if conserving else "胸壁") + ("" if self.tumour.n == "N0" else "+锁骨上区")
        name = f"{self.tumour.side}{field}放射治疗 50Gy/25f"
        visit.radiotherapy = (visit.start + timedelta(hours=1), clock(self.rng, finish), name)
        self.tumour.radiotherapy_on = start
        for week in (2, 4):
            check = self.visit(start + timedelta(weeks=week), RADIATION, "放疗中复查", "nadir")
            check.samples.append(Sample(check.start + timedelta(minutes=15), ("cbc",), {"WBC": 0.75, "LYMPH": 0.5}))
        return finish

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
                self.marker_effects(),
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
