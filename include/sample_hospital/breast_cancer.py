"""The facts of one breast cancer: tumour, receptors, stage. They are drawn first; the course, the reports and the
answer key all follow from them. Sources of the rules: AJCC 8 anatomic groups, ASCO/CAP for HER2, St Gallen 2013 for
the subtypes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from random import Random

from include.sample_hospital.randomness import Weighted

SHARE = 0.08
MALE_SHARE = 0.01

_STAGES: Weighted[str] = Weighted(
    [("IA", 27), ("IIA", 27), ("IIB", 18), ("IIIA", 12), ("IIIB", 4), ("IIIC", 5), ("IV", 7)]
)
_TN = {
    "IA": (("T1", "N0"),),
    "IIA": (("T2", "N0"), ("T1", "N1"), ("T2", "N0")),
    "IIB": (("T2", "N1"), ("T2", "N1"), ("T3", "N0")),
    "IIIA": (("T2", "N2"), ("T3", "N1"), ("T1", "N2")),
    "IIIB": (("T4", "N1"), ("T4", "N0"), ("T4", "N2")),
    "IIIC": (("T2", "N3"), ("T3", "N3")),
    "IV": (("T2", "N1"), ("T3", "N2"), ("T4", "N2"), ("T2", "N3")),
}
_SIZES = {"T1": (7, 20), "T2": (21, 50), "T3": (51, 85), "T4": (35, 95)}
_NODES = {"N0": (0, 0), "N1": (1, 3), "N2": (4, 9), "N3": (10, 22)}
_QUADRANTS: Weighted[tuple[str, str, str]] = Weighted(
    [
        (("C50.400", "乳房上外象限恶性肿瘤", "外上象限"), 46),
        (("C50.200", "乳房上内象限恶性肿瘤", "内上象限"), 14),
        (("C50.500", "乳房下外象限恶性肿瘤", "外下象限"), 9),
        (("C50.300", "乳房下内象限恶性肿瘤", "内下象限"), 6),
        (("C50.100", "乳房中央部恶性肿瘤", "乳晕区"), 8),
        (("C50.900", "乳房恶性肿瘤", "外上象限"), 17),
    ]
)
_KINDS: Weighted[str] = Weighted(
    [("luminal_a", 24), ("luminal_b", 36), ("luminal_her2", 13), ("her2", 11), ("tnbc", 15), ("no_fish", 1)]
)


@dataclass(slots=True)
class BreastCancer:
    """One breast cancer (grain: one per patient). Percentages are of cells; sizes in mm; ``her2_ihc`` 0-3;
    ``fish_ratio`` = HER2/CEP17, None when no FISH was done."""

    first_visit: date
    side: str
    code: str
    code_name: str
    quadrant: str
    histology: str
    grade: int
    size_mm: int
    t: str
    n: str
    m: str
    stage: str
    er_pct: int
    pr_pct: int
    her2_ihc: int
    fish_ratio: float | None
    fish_copies: float | None
    ki67_pct: int
    nodes_examined: int
    nodes_positive: int
    diagnosed_on: date | None = None
    first_treatment_on: date | None = None
    neoadjuvant: bool = False
    regimen: str = ""
    cycle_days: list[date] = field(default_factory=list)
    neutropenia_grades: list[int] = field(default_factory=list)
    surgery_on: date | None = None
    surgery_code: str = ""
    surgery_name: str = ""
    radiotherapy_on: date | None = None
    endocrine: str = ""
    endocrine_on: date | None = None
    her2_targeted: str = ""
    recurrence_on: date | None = None
    recurrence_kind: str = ""
    recurrence_site: str = ""
    death_on: date | None = None

    @property
    def her2_status(self) -> str:
        """Return negative, positive, or equivocal (2+ without FISH)."""
        if self.her2_ihc == 3:
            return "positive"
        if self.her2_ihc < 2:
            return "negative"
        if self.fish_ratio is None:
            return "equivocal"
        return "positive" if self.fish_ratio >= 2 and (self.fish_copies or 0) >= 4 else "negative"

    @property
    def hormone_positive(self) -> bool:
        return self.er_pct >= 1 or self.pr_pct >= 1

    @property
    def subtype(self) -> str:
        """Return the molecular subtype: LuminalA, LuminalB_HER2neg, LuminalB_HER2pos, HER2_enriched, TNBC or
        undetermined.
        """
        if self.her2_status == "equivocal":
            return "undetermined"
        if self.her2_status == "positive":
            return "LuminalB_HER2pos" if self.hormone_positive else "HER2_enriched"
        if not self.hormone_positive:
            return "TNBC"
        if self.er_pct >= 1 and self.pr_pct >= 20 and self.ki67_pct < 20:
            return "LuminalA"
        return "LuminalB_HER2neg"

    @property
    def node_status(self) -> str:
        return f"{self.nodes_positive}/{self.nodes_examined}"


def _receptors(rng: Random, kind: str) -> tuple[int, int, int, int]:
    """Return (ER %, PR %, HER2 IHC score, Ki-67 %) of a tumour of this kind."""
    high, any_positive = (70, 80, 85, 90, 90, 95), (1, 5, 10, 30, 40, 60, 70, 80, 90, 90)
    if kind == "luminal_a":
        return (
            rng.choice(high),
            rng.choice((20, 30, 50, 60, 70, 80, 90)),
            rng.choice((0, 0, 1, 1, 2)),
            rng.choice((3, 5, 8, 10, 12, 15, 18)),
        )
    if kind in ("luminal_b", "no_fish"):
        score = 2 if kind == "no_fish" else rng.choice((0, 1, 1, 2))
        progesterone = rng.choice((0, 0, 1, 5, 10, 15, 30, 50, 60, 80))
        proliferation = (
            rng.choice((20, 25, 30, 30, 35, 40, 50, 60))
            if progesterone >= 20
            else rng.choice((10, 15, 20, 25, 30, 40, 60))
        )
        return rng.choice(any_positive), progesterone, score, proliferation
    if kind == "luminal_her2":
        return (
            rng.choice(any_positive),
            rng.choice((0, 0, 5, 10, 30, 50, 70)),
            rng.choice((3, 3, 3, 2)),
            rng.choice((20, 25, 30, 40, 50)),
        )
    if kind == "her2":
        return 0, 0, rng.choice((3, 3, 3, 3, 2)), rng.choice((25, 30, 40, 50, 60))
    return 0, 0, rng.choice((0, 0, 0, 1, 2)), rng.choice((30, 40, 50, 60, 70, 80, 90))


def draw(rng: Random, male: bool, first_visit: date) -> BreastCancer:
    """Draw a tumour; the course (see ``breast_course``) fills in what is done about it."""
    kind = "luminal_b" if male and rng.random() < 0.8 else _KINDS.draw(rng)
    er, pr, her2, ki67 = _receptors(rng, kind)
    ratio = copies = None
    if her2 == 2 and kind != "no_fish":
        if kind in ("luminal_her2", "her2"):
            ratio, copies = round(rng.uniform(2.1, 7.5), 1), round(rng.uniform(5.2, 15.5), 1)
        else:
            ratio, copies = round(rng.uniform(1.0, 1.7), 1), round(rng.uniform(1.8, 3.6), 1)
    stage = _STAGES.draw(rng)
    t, n = rng.choice(_TN[stage])
    code, code_name, quadrant = _QUADRANTS.draw(rng)
    if male:
        code, code_name, quadrant = "C50.100", "乳房中央部恶性肿瘤", "乳晕区"
    positive = rng.randint(*_NODES[n])
    examined = max(positive + rng.randint(0, 6), rng.randint(3, 6) if n == "N0" else rng.randint(11, 24))
    histology = rng.choices(
        ("浸润性导管癌", "浸润性癌（非特殊型）", "浸润性小叶癌", "黏液癌", "浸润性微乳头状癌"), (50, 34, 8, 4, 4)
    )[0]
    grade = 3 if kind in ("tnbc", "her2") and rng.random() < 0.75 else rng.choices((1, 2, 3), (16, 58, 26))[0]
    return BreastCancer(
        first_visit=first_visit,
        side=rng.choice(("左", "右")),
        code=code,
        code_name=code_name,
        quadrant=quadrant,
        histology=histology,
        grade=grade,
        size_mm=rng.randint(*_SIZES[t]),
        t=t,
        n=n,
        m="M1" if stage == "IV" else "M0",
        stage=stage,
        er_pct=er,
        pr_pct=pr,
        her2_ihc=her2,
        fish_ratio=ratio,
        fish_copies=copies,
        ki67_pct=ki67,
        nodes_examined=examined,
        nodes_positive=positive,
    )
