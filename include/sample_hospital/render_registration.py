"""Registrations: how each system writes a person down."""

from __future__ import annotations

from datetime import datetime, timedelta

from include.sample_hospital import identifiers, tables
from include.sample_hospital.people import Person
from include.sample_hospital.sink import Delivery
from include.sample_hospital.writers import Row


def stamp(moment: datetime) -> str:
    return moment.isoformat(" ", "seconds")


def his_row(person: Person, which: int, registered: datetime, as_of: datetime) -> Row:
    """Return the HIS registration as it stands at ``as_of``; the second one often lacks the identity number."""
    changed = (
        person.mobile_changes_at if person.mobile_changes_at and registered < person.mobile_changes_at < as_of else None
    )
    identity = "" if which == 1 and person.second_number_without_id else person.resident_id
    return (
        identifiers.his_number(person.index, which),
        person.name,
        "1" if person.male else "2",
        f"{person.birth:%Y%m%d}",
        identity,
        person.mobile_at(min(as_of, changed or registered)),
        person.address.full,
        person.employer,
        person.marital,
        person.ethnicity,
        person.contact_name,
        person.contact_mobile,
        stamp(registered),
        stamp(changed or registered),
    )


def lis_row(person: Person) -> Row:
    return (
        identifiers.lis_number(person.index),
        person.name,
        "U" if person.index % 331 == 7 else "M" if person.male else "F",
        f"{person.birth:%Y/%m/%d}",
        identity_in(person, "lis"),
        "" if person.index % 5 == 0 else person.mobile,
    )


def identity_in(person: Person, system: str) -> str:
    """Return the identity number as the system has it (some registrations leave it out)."""
    return "" if system in person.systems_without_id else person.resident_id


def register_his(delivery: Delivery, person: Person, which: int, first_visit: datetime) -> None:
    """Write the HIS registration when it falls into the delivery, and again when the mobile changed in it."""
    registered = first_visit - timedelta(minutes=11)
    change = person.mobile_changes_at
    changed = change is not None and change > registered and delivery.holds(change)
    if delivery.holds(registered) or changed:
        delivery.row(tables.HIS_PATIENT, his_row(person, which, registered, delivery.high), defects=False)


def register_lis(delivery: Delivery, person: Person, first_sample: datetime) -> None:
    if delivery.holds(first_sample):
        delivery.row(tables.LIS_PATIENT, lis_row(person), defects=False)
