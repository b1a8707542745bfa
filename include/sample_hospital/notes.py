"""Inpatient notes: which notes a stay has, and how each is put together from its sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from include.sample_hospital import ihc, names, spans
from include.sample_hospital import note_operations as o
from include.sample_hospital import note_templates as t
from include.sample_hospital.breast_cancer import BreastCancer
from include.sample_hospital.breast_treatment import REGIMEN_ZH
from include.sample_hospital.course import Encounter
from include.sample_hospital.drugs import DRUGS
from include.sample_hospital.note_context import NoteContext
from include.sample_hospital.people import Person
from include.sample_hospital.spans import Mark, Text, written_date

ADMISSION, PROGRESS, OPERATION, DISCHARGE = (
    ("C0034", "入院记录"),
    ("C0038", "日常病程记录"),
    ("C0009", "一般手术记录"),
    ("C0049", "出院记录"),
)
_PREMEDICATION = ("dexamethasone", "ondansetron")


@dataclass(frozen=True, slots=True)
class Note:
    """One document: type code and title of WS/T 500, author, time, text with its identifiers."""

    code: str
    title: str
    author: str
    at: datetime
    text: Text


class NoteWriter:
    """Writes the notes of one stay."""

    def __init__(
        self,
        rng: Random,
        person: Person,
        encounter: Encounter,
        tumour: BreastCancer | None,
        numbers: Mapping[str, str],
        staff: Mapping[str, str],
        labs: Mapping[str, str],
    ) -> None:
        self.rng, self.person, self.encounter = rng, person, encounter
        self.tumour = tumour if encounter.story in ("chemo", "breast_surgery", "fever") else None
        self.numbers, self.staff, self.labs = numbers, staff, labs
        self.end = encounter.end or encounter.start

    def _context(self, at: datetime) -> NoteContext:
        context = NoteContext(self.rng, self.person, self.encounter, at, self.numbers, self.staff, self.labs)
        rng, encounter = self.rng, self.encounter
        given = [DRUGS[p.drug].name for p in encounter.prescriptions if p.drug not in _PREMEDICATION]
        context.extra["treatment"] = "、".join(dict.fromkeys(given[:3])) or "对症支持"
        family = names.family_of(self.person.name)
        context.extra["calling"] = (
            Text()
            .add("患者")
            .add(Mark(spans.PERSON, f"{family}某" if family and rng.random() < 0.4 else self.person.name))
        )
        if encounter.operations:
            context.extra["operation"] = encounter.operations[0].name
            context.extra["anesthesia"] = encounter.operations[0].anesthesia
        if self.tumour is not None:
            self._tumour_words(context, self.tumour)
        return context

    def _tumour_words(self, context: NoteContext, tumour: BreastCancer) -> None:
        rng, extra, stage = self.rng, context.extra, self.encounter.stage
        prefix = "yp" if tumour.neoadjuvant and tumour.surgery_on else "c"
        extra |= {
            "side": tumour.side,
            "quadrant": tumour.quadrant,
            "size": f"{tumour.size_mm / 10:.1f}×{tumour.size_mm * 0.8 / 10:.1f}",
            "histology": tumour.histology,
            "stage": rng.choice(
                (
                    f"{prefix}{tumour.t}{tumour.n}{tumour.m} {tumour.stage}期",
                    f"{tumour.stage}期",
                    f"{tumour.t}{tumour.n}{tumour.m}（{tumour.stage}期）",
                )
            ),
            "subtype": tumour.subtype.replace("_", " "),
            "ihc_line": "，".join(
                (
                    ihc.hormone(rng, "ER", tumour.er_pct),
                    ihc.hormone(rng, "PR", tumour.pr_pct),
                    ihc.her2(rng, tumour.her2_ihc),
                    ihc.ki67(rng, tumour.ki67_pct),
                )
            ),
            "diagnosed": written_date(rng, tumour.diagnosed_on or tumour.first_visit, short_allowed=False),
            "regimen": stage.get("regimen", tumour.regimen),
            "regimen_zh": REGIMEN_ZH.get(stage.get("regimen", tumour.regimen), "内分泌"),
            "cycle": stage.get("cycle", "1"),
            "cycles": stage.get("cycles", "6"),
            "done": str(int(stage.get("cycle", "1")) - 1),
            "nadir_word": rng.choice(("示轻度骨髓抑制", "示Ⅱ度骨髓抑制", "示Ⅲ度中性粒细胞减少，已升白", "基本正常")),
            "neo_line": "已行新辅助化疗，疗效评价PR。" if tumour.neoadjuvant else "",
        }
        if tumour.surgery_on and tumour.surgery_on < self.encounter.start.date():
            extra["surgery_line"] = (
                Text()
                .add("于")
                .add(written_date(rng, tumour.surgery_on, short_allowed=False))
                .add(f"行{tumour.side}侧{tumour.surgery_name}，术后恢复可。")
            )
        else:
            extra["surgery_line"] = "尚未手术。"

    def _pick(self, text: Text, context: NoteContext, variants: Sequence[str], chance: float = 1.0) -> None:
        if self.rng.random() < chance:
            text.fill(self.rng.choice(variants), context).add("\n")

    def _admission(self) -> Note:
        at = self.encounter.start + timedelta(minutes=self.rng.randint(60, 400))
        context, text = self._context(at), Text()
        story = self.encounter.story
        illness = {"chemo": t.CHEMO_ILLNESS, "breast_surgery": t.BREAST_ILLNESS, "fever": t.FEVER}.get(story, t.ILLNESS)
        short = story == "chemo" and int(self.encounter.stage["cycle"]) > 1
        self._pick(text, context, t.HEADERS)
        self._pick(text, context, t.COMPLAINTS)
        if illness is t.ILLNESS and not self._has_workplace():
            illness = tuple(variant for variant in illness if "{employer}" not in variant)
        self._pick(text, context, illness)
        age = self.person.age_at(at.date())
        self._pick(text, context, t.CHILD_PAST if age < 15 else t.PAST, 0.3 if short else 0.95)
        self._pick(text, context, t.CHILD_PERSONAL if age < 15 else t.PERSONAL, 0.15 if short else 0.8)
        if not self.person.male and 15 <= age <= 75:
            self._pick(text, context, t.MENSES[1:2] if age > 55 else t.MENSES[::2], 0.1 if short else 0.6)
        self._pick(text, context, t.FAMILY, 0.15 if short else 0.7)
        self._pick(text, context, t.EXAMS)
        if self.tumour is not None and story == "breast_surgery":
            self._pick(text, context, t.BREAST_EXAMS)
        self._pick(text, context, t.AUXILIARY, 0.8)
        self._pick(text, context, t.ASSESSMENTS, 0.25)
        self._pick(text, context, t.ASIDES, 0.22)
        text.fill(self.rng.choice(t.PLANS), context)
        return Note(*ADMISSION, self.staff["doctor"], at, text)

    def _has_workplace(self) -> bool:
        return 18 <= self.person.age_at(self.encounter.start.date()) <= 60 and len(self.person.employer) > 4

    def _progress(self, day: int, days_after_surgery: int) -> Note:
        at = self.encounter.start.replace(hour=8, minute=0, second=0) + timedelta(
            days=day, minutes=self.rng.randint(5, 540)
        )
        at = min(max(at, self.encounter.start + timedelta(hours=6)), self.end - timedelta(minutes=5))
        context, text = self._context(at), Text()
        variants: Sequence[str] = t.PROGRESS
        if days_after_surgery > 0:
            variants = t.SURGERY_PROGRESS[:2] if days_after_surgery == 1 else (*t.SURGERY_PROGRESS[2:], *t.PROGRESS)
        if not self._has_workplace():
            variants = [variant for variant in variants if "{employer}" not in variant]
        text.fill(self.rng.choice(variants), context)
        for tail in self.rng.sample(t.PROGRESS_TAILS, self.rng.choice((1, 1, 2, 2, 3))):
            text.add("\n").fill(tail, context)
        if self.rng.random() < 0.06:
            text.add("\n").fill(self.rng.choice(t.ASIDES), context)
        return Note(*PROGRESS, self.staff["doctor"], at, text)

    def _operation(self) -> Note:
        day = self.encounter.operations[0].day
        at = datetime(day.year, day.month, day.day, 18, self.rng.randrange(60))
        at = max(at, self.encounter.start + timedelta(hours=4))
        context, text = self._context(at), Text()
        name = self.encounter.operations[0].name
        steps = next((words for organ, words in o.STEPS.items() if organ in name), o.OTHER_STEPS)
        if self.tumour is not None:
            steps = o.BREAST_STEPS
        context.extra["steps"] = Text().fill(self.rng.choice(steps), context)
        text.fill(self.rng.choice(o.OPERATION), context)
        return Note(*OPERATION, self.staff["senior"], at, text)

    def _discharge(self) -> Note:
        at = self.end - timedelta(minutes=self.rng.randint(1, 50))
        context, text = self._context(at), Text()
        context.extra["course"] = self.rng.choice(t.COURSES)
        dead = self.encounter.disposition == "5"
        context.extra["outcome"] = Text().fill(self.rng.choice(t.DEATHS if dead else t.OUTCOMES), context)
        text.fill(self.rng.choice(t.DISCHARGE), context)
        if not dead and self.rng.random() < 0.5:
            text.add("\n").fill(self.rng.choice(t.DISCHARGE_TAILS), context)
        return Note(*DISCHARGE, self.staff["doctor"], at, text)

    def write(self) -> list[Note]:
        """Return the notes of the stay in the order of their times."""
        days = max((self.end.date() - self.encounter.start.date()).days, 1)
        operated = self.encounter.story in ("surgery", "breast_surgery") and bool(self.encounter.operations)
        notes = [self._admission()]
        count = 1 if self.encounter.story == "chemo" else min(max(1, days // 3), 3)
        operation_day = (self.encounter.operations[0].day - self.encounter.start.date()).days if operated else 99
        for number in range(count):
            day = 1 + number * max(1, days // (count + 1))
            notes.append(self._progress(day, day - operation_day))
        if operated:
            notes.append(self._operation())
        notes.append(self._discharge())
        return sorted(notes, key=lambda note: note.at)
