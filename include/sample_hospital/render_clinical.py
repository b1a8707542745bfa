"""HIS and LIS rows of one encounter: visit, diagnoses, orders, drugs, operations, fees, laboratory results."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from include.sample_hospital import identifiers, tables
from include.sample_hospital.course import EMERGENCY, INPATIENT, Encounter
from include.sample_hospital.drugs import DRUGS, PANEL_PRICE_CENTS, SERVICES
from include.sample_hospital.lab_tests import PANELS
from include.sample_hospital.labs import measure
from include.sample_hospital.people import Person
from include.sample_hospital.render_registration import stamp
from include.sample_hospital.sink import Delivery

_LAB_WORDS = {
    "WBC": "白细胞",
    "NEUT": "中性粒细胞",
    "HGB": "血红蛋白",
    "PLT": "血小板",
    "ALT": "ALT",
    "CREA": "肌酐",
    "GLU": "血糖",
    "K": "血钾",
    "CRP": "CRP",
}


class EncounterWriter:
    """Writes one encounter's structured rows into a delivery. Rows are drawn in full every time and written when they
    are due, so an encounter that spans deliveries has the same content in each.
    """

    def __init__(
        self, delivery: Delivery, rng: Random, person: Person, encounter: Encounter, his_no: str, staff: dict[str, str]
    ) -> None:
        self.delivery, self.rng, self.person, self.encounter, self.his_no, self.staff = (
            delivery,
            rng,
            person,
            encounter,
            his_no,
            staff,
        )
        self.digits = f"{person.index:07d}{encounter.number:03d}"
        self.visit_no = f"V{self.digits}"
        self.admission_no = identifiers.admission_number(person.index, encounter.stay) if encounter.inpatient else ""
        self._orders = self._fees = self._drugs = self._results = 0
        self.labs: dict[str, str] = {}

    def visit(self) -> None:
        encounter, delivery = self.encounter, self.delivery
        route = self.rng.choices(("1", "2", "3"), (20, 75, 5))[0]
        if encounter.story == "fever":
            route = "1"
        ended = encounter.end is not None and encounter.end < delivery.high
        if not (delivery.holds(encounter.start) or (encounter.end is not None and delivery.holds(encounter.end))):
            return
        row = (
            self.visit_no,
            self.his_no,
            self.admission_no,
            encounter.visit_class,
            encounter.department,
            self.staff["doctor"],
            stamp(encounter.start),
            stamp(encounter.end) if ended and encounter.end else "",
            encounter.disposition if ended and encounter.inpatient else "",
            route if encounter.inpatient else "",
        )
        delivery.row(tables.HIS_VISIT, row)

    def diagnoses(self) -> None:
        at = self.encounter.start + timedelta(minutes=25)
        if not self.delivery.holds(at):
            return
        for number, (code, name) in enumerate(self.encounter.diagnoses, start=1):
            rank = "1" if number == 1 else "2"
            self.delivery.row(
                tables.HIS_DIAGNOSIS,
                (f"D{self.digits}{number:02d}", self.visit_no, self.his_no, rank, code, name, stamp(at)),
            )

    def order(
        self, kind: str, name: str, code: str, at: datetime, stop: datetime | None = None, cancelled: bool = False
    ) -> str:
        """Write an order (again when it stops in a later delivery) and return its number."""
        self._orders += 1
        number = f"Y{self.digits}{self._orders:03d}"
        stopped = stop is not None and stop < self.delivery.high
        if self.delivery.holds(at) or (stop is not None and self.delivery.holds(stop)):
            status = "3" if cancelled else "2" if stopped else "1"
            stop_text = stamp(stop) if stop is not None and stopped else ""
            self.delivery.row(
                tables.HIS_ORDER,
                (
                    number,
                    self.visit_no,
                    self.his_no,
                    kind,
                    name,
                    code,
                    stamp(at),
                    stop_text,
                    status,
                    self.staff["doctor"],
                ),
            )
        return number

    def fee(self, code: str, name: str, kind: str, quantity: int, price_cents: int, at: datetime) -> None:
        self._fees += 1
        if not self.delivery.holds(at):
            return
        row = (
            f"F{self.digits}{self._fees:03d}",
            self.visit_no,
            self.his_no,
            code,
            name,
            str(quantity),
            f"{price_cents / 100:.2f}",
            f"{price_cents * quantity / 100:.2f}",
            kind,
            stamp(at),
        )
        self.delivery.row(tables.HIS_FEE, row)

    def service(self, code: str, quantity: int, at: datetime) -> None:
        name, cents, kind = SERVICES[code]
        self.fee(code, name, kind, quantity, cents, at)

    def base_fees(self) -> None:
        encounter = self.encounter
        if encounter.visit_class == INPATIENT and encounter.end is not None:
            days = max((encounter.end.date() - encounter.start.date()).days, 1)
            self.service("CW01", days, encounter.end - timedelta(minutes=30))
            self.service("HL01", days, encounter.end - timedelta(minutes=30))
            self.order("5", "二级护理", "HL01", encounter.start + timedelta(minutes=30), encounter.end)
        else:
            self.service(
                "GH03" if encounter.visit_class == EMERGENCY else self.rng.choice(("GH01", "GH01", "GH02")),
                1,
                encounter.start,
            )

    def drugs(self) -> None:
        for prescription in self.encounter.prescriptions:
            drug = DRUGS[prescription.drug]
            cancelled = self.rng.random() < 0.012
            order_no = self.order("1", drug.name, drug.code, prescription.at, prescription.stop, cancelled)
            if cancelled:
                continue
            self._drugs += 1
            dispensed = prescription.at + timedelta(minutes=self.rng.randint(5, 40))
            if self.delivery.holds(dispensed):
                row = (
                    f"P{self.digits}{self._drugs:03d}",
                    order_no,
                    self.visit_no,
                    self.his_no,
                    drug.code,
                    drug.name,
                    drug.strength,
                    prescription.dose or drug.dose,
                    drug.dose_unit,
                    str(drug.packs),
                    drug.route,
                    stamp(dispensed),
                )
                self.delivery.row(tables.HIS_DRUG, row)
            self.fee(drug.code, drug.name, "西药费", drug.packs, drug.price_cents, dispensed)

    def operations(self) -> None:
        for number, operation in enumerate(self.encounter.operations, start=1):
            known = datetime(operation.day.year, operation.day.month, operation.day.day, 19)
            if self.delivery.holds(known):
                row = (
                    f"S{self.digits}{number:02d}",
                    self.visit_no,
                    self.his_no,
                    operation.code,
                    operation.name,
                    f"{operation.day:%Y%m%d}",
                    operation.level,
                    operation.incision,
                    operation.anesthesia,
                    self.staff["senior"],
                )
                self.delivery.row(tables.HIS_OPERATION, row)
            self.service("SS01", 1, known)
            if operation.anesthesia not in ("无", "局部麻醉"):
                self.service("MZ01", 1, known)

    def radiotherapy(self) -> None:
        if self.encounter.radiotherapy:
            start, stop, name = self.encounter.radiotherapy
            self.order("4", name, "FL01", start, stop)
            self.service("FL01", 25, stop)

    def imaging_orders(self) -> None:
        for study in self.encounter.studies:
            code = f"JC_{study.modality}"
            self.order("3", f"{study.body_part}{SERVICES[code][0]}", code, study.at - timedelta(minutes=20))
            self.service(code, 1, study.at)

    def laboratory(self, scores: dict[str, float]) -> None:
        """Order, measure and report every sample; remembers values for the notes."""
        delivery, rng = self.delivery, self.rng
        lis_no = identifiers.lis_number(self.person.index)
        for number, sample in enumerate(self.encounter.samples, start=1):
            for panel in sample.panels:
                code, name, tests = PANELS[panel]
                self.order("2", name, code, sample.at - timedelta(minutes=10))
                self.fee(code, name, "化验费", 1, PANEL_PRICE_CENTS * len(tests), sample.at)
            reported = sample.at + timedelta(minutes=rng.randint(35, 190))
            sample_no = f"S{self.digits}{number:02d}"
            due = delivery.holds(reported)
            sampled_text, reported_text = stamp(sample.at), stamp(reported)
            for reading in measure(sample, self.person, scores, rng):
                self._results += 1
                test = reading.test
                if test.code in _LAB_WORDS:
                    unit = reading.unit.replace("10^9", "×10⁹").replace("umol", "μmol")
                    self.labs.setdefault(_LAB_WORDS[test.code], reading.value + unit)
                if due:
                    row = (
                        f"R{self.digits}{self._results:04d}",
                        sample_no,
                        lis_no,
                        self.visit_no,
                        test.code,
                        test.name,
                        reading.value,
                        reading.text,
                        reading.unit,
                        reading.low,
                        reading.high,
                        reading.flag,
                        sampled_text,
                        reported_text,
                        reading.instrument,
                    )
                    delivery.row(tables.LIS_RESULT, row)

    def write(self, scores: dict[str, float]) -> None:
        """Write everything that HIS and LIS know of this encounter."""
        self.visit()
        self.diagnoses()
        self.base_fees()
        self.laboratory(scores)
        self.imaging_orders()
        self.drugs()
        self.operations()
        self.radiotherapy()
