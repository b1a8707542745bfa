"""Treatment of breast cancer: regimens, who gets which, and what a cycle does to blood and liver (CTCAE 5.0)."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from include.sample_hospital.breast_cancer import BreastCancer

REGIMENS: dict[str, tuple[tuple[str, ...], ...]] = {
    # regimen -> the drugs of each 21-day cycle
    "AC-T": (("doxorubicin", "cyclophosphamide"),) * 4 + (("paclitaxel",),) * 4,
    "EC-T": (("epirubicin", "cyclophosphamide"),) * 4 + (("docetaxel",),) * 4,
    "TC": (("docetaxel", "cyclophosphamide"),) * 4,
    "TCb": (("nabpaclitaxel", "carboplatin"),) * 6,
    "TCbH": (("docetaxel", "carboplatin", "trastuzumab"),) * 6,
    "TCbHP": (("docetaxel", "carboplatin", "trastuzumab", "pertuzumab"),) * 6,
    "AC-TH": (("doxorubicin", "cyclophosphamide"),) * 4 + (("paclitaxel", "trastuzumab"),) * 4,
    "TH": (("docetaxel", "trastuzumab"),) * 4,
    "THP": (("docetaxel", "trastuzumab", "pertuzumab"),) * 6,
    "GP": (("gemcitabine", "carboplatin"),) * 6,
    "X": (("capecitabine",),) * 6,
    "T-DM1": (("tdm1",),) * 8,
    "NX": (("vinorelbine", "capecitabine"),) * 6,
}
REGIMEN_ZH = {
    "AC-T": "多柔比星+环磷酰胺序贯紫杉醇",
    "EC-T": "表柔比星+环磷酰胺序贯多西他赛",
    "TC": "多西他赛+环磷酰胺",
    "TCb": "白蛋白紫杉醇+卡铂",
    "TCbH": "多西他赛+卡铂+曲妥珠单抗",
    "TCbHP": "多西他赛+卡铂+曲妥珠单抗+帕妥珠单抗",
    "AC-TH": "多柔比星+环磷酰胺序贯紫杉醇+曲妥珠单抗",
    "TH": "多西他赛+曲妥珠单抗",
    "THP": "多西他赛+曲妥珠单抗+帕妥珠单抗",
    "GP": "吉西他滨+卡铂",
    "X": "卡培他滨",
    "T-DM1": "恩美曲妥珠单抗",
    "NX": "长春瑞滨+卡培他滨",
}
CYTOTOXIC = frozenset(
    [
        "doxorubicin",
        "epirubicin",
        "cyclophosphamide",
        "paclitaxel",
        "nabpaclitaxel",
        "docetaxel",
        "carboplatin",
        "gemcitabine",
        "capecitabine",
        "vinorelbine",
    ]
)
CYCLE_DAYS = 21

# shares of CTCAE grades 0..4 at the nadir of a cycle
_NEUTROPENIA = {"anthracycline": (24, 16, 22, 24, 14), "taxane": (38, 18, 20, 16, 8), "mild": (66, 16, 12, 5, 1)}
_ANEMIA = (40, 42, 15, 3)
_PLATELETS = {"carboplatin": (60, 26, 9, 5), "other": (90, 8, 2, 0)}
_LIVER = (72, 22, 4, 2)
# value ranges by grade, in g/L, 10^9/L or U/L, kept clear of the grades' edges
_NEUT_RANGE = ((1.9, 4.6), (1.52, 1.78), (1.02, 1.48), (0.52, 0.98), (0.05, 0.48))
_HGB_RANGE = ((118, 142), (101, 113), (81, 98), (66, 78))
_PLT_RANGE = ((132, 290), (77, 122), (52, 73), (27, 48))
_ALT_RANGE = ((10, 38), (54, 118), (152, 198), (255, 620))


@dataclass(frozen=True, slots=True)
class Toxicity:
    """What the nadir of one cycle looks like; grades are CTCAE 5.0, values in the catalogue's units."""

    neutropenia: int
    anemia: int
    thrombocytopenia: int
    liver: int
    nadir: dict[str, float]
    recovered: dict[str, float]


def draw_toxicity(rng: Random, drugs: tuple[str, ...], cycle: int, supported: bool) -> Toxicity:
    """Draw a cycle's toxicity; growth-factor support halves severe neutropenia, anaemia deepens with the cycles."""
    family = (
        "anthracycline"
        if "doxorubicin" in drugs or "epirubicin" in drugs
        else "mild"
        if not CYTOTOXIC & set(drugs) or drugs == ("capecitabine",)
        else "taxane"
    )
    neutropenia = rng.choices(range(5), _NEUTROPENIA[family])[0]
    if supported and neutropenia >= 3 and rng.random() < 0.5:
        neutropenia -= 2
    weights = list(_ANEMIA)
    weights[0] = max(6, weights[0] - 4 * cycle)
    anemia = rng.choices(range(4), weights)[0] if family != "mild" else rng.choices((0, 1), (80, 20))[0]
    platelets = rng.choices(range(4), _PLATELETS["carboplatin" if "carboplatin" in drugs else "other"])[0]
    liver = rng.choices(range(4), _LIVER)[0]
    alt = rng.uniform(*_ALT_RANGE[liver])
    hemoglobin = rng.uniform(*_HGB_RANGE[anemia])
    nadir = {
        "NEUT": rng.uniform(*_NEUT_RANGE[neutropenia]),
        "HGB": hemoglobin,
        "PLT": rng.uniform(*_PLT_RANGE[platelets]),
        "ALT": alt,
        "AST": alt * rng.uniform(0.6, 0.95) if liver else rng.uniform(14, 33),
    }
    recovered = {
        "NEUT": rng.uniform(1.95, 4.8),
        "HGB": min(hemoglobin + rng.uniform(2, 9), 140),
        "PLT": rng.uniform(135, 300),
    }
    return Toxicity(neutropenia, anemia, platelets, liver, nadir, recovered)


def choose_regimen(rng: Random, tumour: BreastCancer) -> str:
    """Return the first systemic regimen, or an empty text when the tumour needs no chemotherapy."""
    choices: tuple[tuple[str, int], ...]
    if tumour.her2_status == "positive":
        by_stage: dict[str, tuple[tuple[str, int], ...]] = {"IV": (("THP", 1),), "IA": (("TH", 50), ("TCbH", 50))}
        choices = by_stage.get(tumour.stage, (("TCbHP", 60), ("TCbH", 15), ("AC-TH", 25)))
    elif tumour.stage == "IV":
        choices = (("", 1),) if tumour.hormone_positive else (("GP", 1),)
    elif tumour.subtype == "TNBC":
        choices = (("AC-T", 40), ("EC-T", 30), ("TCb", 20), ("TC", 10))
    elif tumour.subtype == "LuminalA" and tumour.n == "N0":
        choices = (("", 85), ("TC", 15))
    else:
        choices = (("", 33), ("TC", 67)) if tumour.stage == "IA" else (("AC-T", 45), ("EC-T", 30), ("TC", 25))
    names = [name for name, _ in choices]
    return rng.choices(names, [weight for _, weight in choices])[0]


def wants_neoadjuvant(rng: Random, tumour: BreastCancer, regimen: str) -> bool:
    if not regimen or tumour.stage in ("IA", "IV"):
        return False
    if tumour.stage.startswith("III"):
        return rng.random() < 0.85
    return rng.random() < (0.6 if tumour.her2_status == "positive" or tumour.subtype == "TNBC" else 0.15)


def choose_surgery(rng: Random, tumour: BreastCancer, male: bool) -> tuple[str, str, str]:
    """Return (ICD-9-CM-3 code, name, level) of the breast operation."""
    if not male and tumour.t == "T1" and rng.random() < 0.6:
        return "85.2200", "乳房象限切除术", "3"
    if tumour.n == "N0" and rng.random() < 0.5:
        return "85.4303", "单侧单纯乳房切除术伴区域性淋巴结切除术", "3"
    if tumour.t == "T4" and rng.random() < 0.3:
        return "85.4500", "单侧根治性乳房切除术", "4"
    return "85.4301", "单侧乳腺改良根治术", "3"


def endocrine_choice(rng: Random, age: int, male: bool) -> tuple[str, ...]:
    """Return the endocrine drugs by menopausal state."""
    if male:
        return ("tamoxifen",)
    if age < 51:
        return rng.choices((("tamoxifen",), ("goserelin", "tamoxifen"), ("goserelin", "exemestane")), (60, 22, 18))[0]
    return (rng.choices(("letrozole", "anastrozole", "exemestane"), (48, 36, 16))[0],)


_RISK = {"IA": 0.012, "IIA": 0.028, "IIB": 0.045, "IIIA": 0.085, "IIIB": 0.13, "IIIC": 0.16, "IV": 0.0}
_RISK_BY_SUBTYPE = {"TNBC": 1.9, "HER2_enriched": 1.3, "LuminalA": 0.6, "LuminalB_HER2pos": 1.0}


def years_to_recurrence(rng: Random, tumour: BreastCancer) -> float:
    """Draw the years from treatment to recurrence (exponential, rate by stage and subtype)."""
    rate = _RISK[tumour.stage] * _RISK_BY_SUBTYPE.get(tumour.subtype, 1.0)
    return rng.expovariate(rate) if rate else float("inf")


def years_to_death(rng: Random, tumour: BreastCancer) -> float:
    """Draw the years from metastasis or recurrence to death."""
    return rng.expovariate(0.42 if tumour.subtype == "TNBC" else 0.22) + 0.15
