"""The course of a breast cancer: the phases in the right order, the outlook, and the follow-up by the disease team."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from include.sample_hospital import breast_treatment as treatment
from include.sample_hospital.breast_cancer import draw
from include.sample_hospital.breast_phases import Planner
from include.sample_hospital.course import Contact, Course
from include.sample_hospital.people import Person

_DISTANT = ("骨", "肺", "肝", "脑")


def _outlook(planner: Planner, started: date) -> None:
    """Draw recurrence, metastasis and death after the treatment start."""
    rng, tumour = planner.rng, planner.tumour
    if tumour.stage == "IV":
        tumour.recurrence_site = rng.choice(_DISTANT)
        planner.sites = [tumour.recurrence_site]
        death = started + timedelta(days=int(365 * (0.5 + treatment.years_to_death(rng, tumour))))
    else:
        years = treatment.years_to_recurrence(rng, tumour)
        if years > 6:
            return
        tumour.recurrence_on = started + timedelta(days=max(200, int(365 * years)))
        tumour.recurrence_kind = "复发" if rng.random() < 0.3 else "转移"
        tumour.recurrence_site = (
            rng.choice(("胸壁", "锁骨上淋巴结")) if tumour.recurrence_kind == "复发" else rng.choice(_DISTANT)
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
    """Return a breast cancer patient's course; the first visit lies between ``first_day`` and ``last_diagnosis``."""
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
