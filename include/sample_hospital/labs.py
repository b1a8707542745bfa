"""Laboratory values: a personal baseline, the effects of age and disease, and what a treatment does to single tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from math import exp, log
from random import Random

from include.sample_hospital.lab_tests import CHEMISTRY, HAEMATOLOGY, PANELS, TESTS, UNITS, LabTest
from include.sample_hospital.people import Person
from include.sample_hospital.randomness import Stream, Weighted, derive

_HAEMATOLOGY = Weighted(list(zip(HAEMATOLOGY, (5, 4, 1), strict=True)))
_CHEMISTRY = Weighted(list(zip(CHEMISTRY, (5, 4, 1), strict=True)))
_NO_UNITS: dict[str, tuple[str, float, int]] = {}


@dataclass(slots=True)
class Sample:
    """One specimen taken at ``at``. ``effects`` multiply a test's value; ``fixed`` sets it (in the catalogue's unit);
    ``positive`` names text tests that come out positive."""

    at: datetime
    panels: tuple[str, ...]
    effects: Mapping[str, float] = field(default_factory=dict)
    fixed: Mapping[str, float] = field(default_factory=dict)
    positive: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reading:
    """One result as the analyser prints it; numbers are already formatted text, empty where a field has none."""

    test: LabTest
    value: str
    text: str
    unit: str
    low: str
    high: str
    flag: str
    instrument: str


def baseline(seed: int, person: Person) -> dict[str, float]:
    """Return the person's own standard scores, one a test: what makes two samples of a person alike."""
    rng = derive(seed, Stream.BASELINE, person.index)
    gauss = rng.gauss
    return {code: gauss(0.0, 1.0) for code, test in TESTS.items() if not test.text_only}


@cache
def _distribution(code: str, male: bool) -> tuple[float, float]:
    """Return (centre, spread) of the healthy; both are logarithms for skewed tests."""
    test = TESTS[code]
    low, high = test.limits(male)
    if test.skewed:
        floor = max(low, high / 6)
        return (log(floor) + log(high)) / 2, (log(high) - log(floor)) / 4.6
    return (low + high) / 2, (high - low) / 5.2


def _age_effect(code: str, age: int, male: bool) -> float:
    if code == "CREA":
        return 0.55 if age < 12 else 1.0 + max(0, age - 60) * 0.006
    if code == "HGB":
        return 0.92 if age < 12 or age > 78 else 1.0
    if code in ("FSH", "E2") and not male:
        menopausal = age >= 51
        return {"FSH": 3.2 if menopausal else 0.6, "E2": 0.25 if menopausal else 1.6}[code]
    if code in ("ALP",) and age < 16:
        return 2.2
    if code == "PSA" and age > 65:
        return 1.35
    return 1.0


def _blood_count(values: dict[str, float], fixed: Mapping[str, float]) -> None:
    """Make the cell counts agree: neutrophils + lymphocytes + monocytes cannot exceed the white cells."""
    if "NEUT" in fixed:
        neutrophils = fixed["NEUT"]
        lymphocytes = min(values["LYMPH"], 0.5 + neutrophils)
        values["WBC"] = neutrophils + lymphocytes + values["MONO"] + 0.05
        values["LYMPH"] = lymphocytes
    else:
        share = min(max(values["NEUTP"], 22.0), 94.0) / 100
        neutrophils = values["WBC"] * share
        values["MONO"] = min(values["MONO"], values["WBC"] * 0.09)
        values["LYMPH"] = max(values["WBC"] * (1 - share) - values["MONO"] - 0.03, 0.1)
    values["NEUT"] = neutrophils
    values["NEUTP"] = neutrophils / values["WBC"] * 100
    values["HCT"] = values["HGB"] * 0.298
    values["RBC"] = values["HCT"] / values["MCV"] * 10


@cache
def _limit(value: float, factor: float, decimals: int) -> str:
    text = f"{value * factor:.{max(decimals, 2)}f}"
    return text.rstrip("0").rstrip(".")


def _text_reading(test: LabTest, positive: bool, instrument: str, rng: Random) -> Reading:
    if positive:
        word = rng.choice(("阳性(+)", "阳性")) if test.code[0] != "U" else rng.choice(("1+", "2+", "阳性(+)"))
    else:
        word = rng.choice(("阴性(-)", "阴性", "阴性(-)"))
    return Reading(test, "", word, "", "", "", "H" if positive else "N", instrument)


def _values(sample: Sample, panel: str, person: Person, scores: Mapping[str, float], rng: Random) -> dict[str, float]:
    """Return the panel's values in the catalogue's units."""
    age, values, gauss = person.age_at(sample.at.date()), {}, rng.gauss
    for code in PANELS[panel][2]:
        test = TESTS[code]
        if test.text_only:
            continue
        centre, spread = _distribution(code, person.male)
        value = centre + spread * (0.75 * scores[code] + 0.6 * gauss(0.0, 1.0))
        if test.skewed:
            value = exp(value)
        value *= _age_effect(code, age, person.male)
        values[code] = sample.fixed.get(code, value * sample.effects.get(code, 1.0))
    if panel == "cbc":
        _blood_count(values, sample.fixed)
    return values


def _reading(test: LabTest, value: float, male: bool, instrument: str, rng: Random) -> Reading:
    low, high = test.limits(male)
    unit, factor, decimals = UNITS.get(instrument, _NO_UNITS).get(test.code) or (test.unit, 1.0, test.decimals)
    printed = f"{max(value, 0.0) * factor:.{decimals}f}"
    shown = float(printed)
    flag = "L" if shown < low * factor - 1e-9 else "H" if shown > high * factor + 1e-9 else "N"
    text = printed if flag == "N" or rng.random() < 0.6 else printed + ("↑" if flag == "H" else "↓")
    return Reading(
        test, printed, text, unit, _limit(low, factor, decimals), _limit(high, factor, decimals), flag, instrument
    )


def measure(sample: Sample, person: Person, scores: Mapping[str, float], rng: Random) -> list[Reading]:
    """Return the readings of a sample, in the order of its panels."""
    readings: list[Reading] = []
    for panel in sample.panels:
        instrument = (_HAEMATOLOGY if panel == "cbc" else _CHEMISTRY).draw(rng)
        values = _values(sample, panel, person, scores, rng)
        for code in PANELS[panel][2]:
            test = TESTS[code]
            if test.text_only:
                readings.append(_text_reading(test, code in sample.positive, instrument, rng))
            else:
                readings.append(_reading(test, values[code], person.male, instrument, rng))
    return readings
