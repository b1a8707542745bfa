"""What a note can mention: one lookup from template keys to words and identifiers of the person, the visit and the
staff.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from random import Random

from include.sample_hospital import identifiers, names, places, spans
from include.sample_hospital.course import Encounter
from include.sample_hospital.people import Person, relation_phrase
from include.sample_hospital.spans import Mark, Text, written_date

_MARITAL = {
    "10": "未婚",
    "20": "已婚",
    "21": "已婚",
    "22": "再婚",
    "23": "复婚",
    "30": "丧偶",
    "40": "离异",
    "90": "婚姻状况不详",
}
_ETHNIC = {
    "01": "汉族",
    "08": "壮族",
    "03": "回族",
    "05": "维吾尔族",
    "04": "藏族",
    "15": "土家族",
    "11": "满族",
    "06": "苗族",
}


class NoteContext:
    """Lookup for one note. Unmarked words come back as text, identifiers as marks. Unknown keys are an error of the
    templates.
    """

    def __init__(
        self,
        rng: Random,
        person: Person,
        encounter: Encounter,
        at: datetime,
        numbers: Mapping[str, str],
        staff: Mapping[str, str],
        labs: Mapping[str, str],
    ) -> None:
        self.rng, self.person, self.encounter, self.at = rng, person, encounter, at
        self.numbers, self.staff, self.labs = numbers, staff, labs
        self.extra: dict[str, str | Mark | Text] = {}

    def __call__(self, key: str) -> str | Mark | Text:
        found = self.extra.get(key)
        if found is not None:
            return found
        method = getattr(self, f"_{key}", None)
        if method is None:
            raise KeyError(f"a note template uses the unknown key {{{key}}}: add it to NoteContext")
        value: str | Mark | Text = method()
        return value

    # ---- the person

    def _name(self) -> Mark:
        return Mark(spans.PERSON, self.person.name)

    def _some(self) -> Mark:
        family = names.family_of(self.person.name)
        return Mark(spans.PERSON, f"{family}{self.rng.choice(('某', '某某'))}") if family else self._name()

    def _honor(self) -> Text:
        title = "小朋友" if self.person.age_at(self.at.date()) < 12 else "先生" if self.person.male else "女士"
        return Text().add(self._name()).add(title)

    def _sex(self) -> str:
        return self.person.sex_zh

    def _age(self) -> str | Mark:
        age = self.person.age_at(self.at.date())
        if age < 1:
            return f"{max((self.at.date() - self.person.birth).days // 30, 1)}月"
        return Mark(spans.AGE_OVER_89, f"{age}岁") if age > 89 else f"{age}岁"

    def _birth(self) -> Mark:
        return written_date(self.rng, self.person.birth, short_allowed=False)

    def _ethnic(self) -> str:
        return _ETHNIC[self.person.ethnicity]

    def _marital(self) -> str:
        return _MARITAL[self.person.marital]

    def _home(self) -> Mark:
        return Mark(spans.ADDRESS, self.person.address.full)

    def _street(self) -> Mark:
        return Mark(spans.ADDRESS, self.person.address.street)

    def _city(self) -> str:
        return self.person.address.city

    def _employer(self) -> str | Mark:
        firm = self.person.employer
        return Mark(spans.ORGANIZATION, firm) if len(firm) > 4 else firm or "无"

    def _mobile(self) -> Mark:
        return Mark(spans.PHONE, identifiers.spoken_number(self.rng, self.person.mobile_at(self.at)))

    def _rid(self) -> str | Mark:
        return Mark(spans.RESIDENT_ID, self.person.resident_id) if self.person.resident_id else "未提供"

    # ---- relatives and other people

    def _relation(self) -> str:
        return relation_phrase(self.person)

    def _contact_relation(self) -> str:
        return self.person.contact_relation

    def _contact(self) -> Mark:
        return Mark(spans.PERSON, self.person.contact_name)

    def _contact_phone(self) -> Mark:
        return Mark(spans.PHONE, identifiers.spoken_number(self.rng, self.person.contact_mobile))

    def _kin(self) -> Text:
        """Return a relative with the name: 其女李某某. Mothers and daughters-in-law keep their own surname."""
        age = self.person.age_at(self.at.date())
        word = self.rng.choice(("其母", "其父") if age < 25 else ("其女", "其子", "其弟", "其妹", "其姐", "其儿媳"))
        family = None if word in ("其母", "其儿媳") else names.family_of(self.person.name)
        return (
            Text().add(word).add(Mark(spans.PERSON, names.han_name(self.rng, word in ("其父", "其子", "其弟"), family)))
        )

    def _outside_doctor(self) -> Mark:
        return Mark(spans.PERSON, names.han_name(self.rng, self.rng.random() < 0.5))

    def _landline(self) -> Mark:
        return Mark(spans.PHONE, identifiers.landline(self.rng))

    def _wechat(self) -> Mark:
        return Mark(spans.WECHAT, identifiers.wechat(self.rng))

    def _qq(self) -> Mark:
        return Mark(spans.QQ, identifiers.qq(self.rng))

    def _email(self) -> Mark:
        return Mark(spans.EMAIL, identifiers.email(self.rng))

    def _card(self) -> Mark:
        return Mark(spans.BANK_CARD, identifiers.bank_card(self.rng))

    def _plate(self) -> Mark:
        return Mark(spans.PLATE, identifiers.license_plate(self.rng))

    # ---- the staff, the hospital, the numbers

    def _doctor(self) -> Mark:
        return Mark(spans.PERSON, self.staff["doctor"])

    def _senior(self) -> Mark:
        return Mark(spans.PERSON, self.staff["senior"])

    def _assistant(self) -> Mark:
        return Mark(spans.PERSON, self.staff["assistant"])

    def _anesthetist(self) -> Mark:
        return Mark(spans.PERSON, self.staff["anesthetist"])

    def _our(self) -> Mark:
        return Mark(spans.ORGANIZATION, places.OUR_HOSPITAL)

    def _outside(self) -> Mark:
        return Mark(spans.ORGANIZATION, places.outside_hospital(self.rng, self.person.address.city))

    def _mrn(self) -> Mark:
        return Mark(spans.RECORD_NUMBER, self.numbers["mrn"])

    def _admission_no(self) -> Mark:
        return Mark(spans.RECORD_NUMBER, self.numbers["admission"])

    def _visit_no(self) -> Mark:
        return Mark(spans.RECORD_NUMBER, self.numbers["visit"])

    def _pathology_no(self) -> Mark:
        return Mark(
            spans.RECORD_NUMBER, self.numbers.get("pathology") or f"B{self.at.year}{self.rng.randrange(10**7):07d}"
        )

    def _bed(self) -> str:
        return f"{self.rng.randint(1, 62)}床"

    def _department(self) -> str:
        return self.encounter.department

    # ---- dates

    def _today(self) -> Mark:
        return written_date(self.rng, self.at.date(), short_allowed=False)

    def _now(self) -> Text:
        return Text().add(Mark(spans.DATE, self.at.date().isoformat())).add(f" {self.at:%H:%M}")

    def _admitted(self) -> Mark:
        return written_date(self.rng, self.encounter.start.date())

    def _discharged(self) -> Mark:
        return written_date(self.rng, (self.encounter.end or self.encounter.start).date())

    def _operated(self) -> Mark:
        day = self.encounter.operations[0].day if self.encounter.operations else self.encounter.start.date()
        return written_date(self.rng, day)

    def _long_ago(self) -> Mark:
        return written_date(self.rng, self._earlier(200, 5000), short_allowed=False)

    def _recently(self) -> Mark:
        return written_date(self.rng, self._earlier(3, 60))

    def _past_month(self) -> Mark:
        day = self._earlier(60, 900)
        return Mark(spans.DATE, f"{day.year}年{day.month}月")

    def _next_visit(self) -> Mark:
        return written_date(self.rng, self.at.date() + timedelta(days=self.rng.choice((7, 14, 21, 30))))

    def _earlier(self, low: int, high: int) -> date:
        return max(self.at.date() - timedelta(days=self.rng.randint(low, high)), self.person.birth + timedelta(days=1))

    # ---- medicine

    def _complaint(self) -> str:
        return self.encounter.complaint

    def _disease(self) -> str:
        return self.encounter.diagnoses[0][1]

    def _diagnoses(self) -> str:
        return "；".join(f"{number}.{name}" for number, (_, name) in enumerate(self.encounter.diagnoses, start=1))

    def _days(self) -> str:
        return self.encounter.stage.get("days", "3")

    def _temperature(self) -> str:
        return f"{self.rng.uniform(36.1, 37.2):.1f}"

    def _vitals(self) -> str:
        r = self.rng
        pulse, breath, pressure = r.randint(62, 98), r.randint(16, 21), f"{r.randint(102, 158)}/{r.randint(60, 95)}"
        return f"T {r.uniform(36.2, 37.4):.1f}℃，P {pulse}次/分，R {breath}次/分，BP {pressure}mmHg"

    def _duration(self) -> str:
        r = self.rng
        return r.choice(
            (f"{r.randint(2, 9)}天", f"{r.randint(1, 3)}周", f"{r.randint(1, 11)}月余", f"{r.randint(1, 9)}年")
        )

    def _lab_line(self) -> str:
        if not self.labs:
            return "血常规、生化检查结果待回报"
        return "，".join(f"{name}{value}" for name, value in list(self.labs.items())[: self.rng.randint(3, 6)])

    def _years(self) -> str:
        return str(self.rng.randint(2, 20))

    def _ml(self) -> str:
        return str(self.rng.choice((10, 20, 30, 50, 80, 100, 150, 200)))
