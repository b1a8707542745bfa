"""What the hospital knows of a patient, decrypted for the notes of that patient and forgotten with them.

Which columns identify is read from the contracts: every encrypted field that names an ``entity`` and belongs to a
patient's row. Names of staff stand in the patient's own visits and orders, so no list of the whole staff is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import psycopg
from psycopg import sql

from anonymization.encryption import BlindIndexer, FieldCipher
from anonymization.entities import Entity
from anonymization.known import KnownIdentifiers, KnownPerson
from governance.contracts import Catalogue, Contract, Field, Protection

Role = Literal["patient", "relative", "staff"]


class IdentifierVault:
    """Reads the known identifiers of persons.

    Args:
        connection: of the role ``deidentify``.
    """

    def __init__(self, connection: psycopg.Connection, catalogue: Catalogue, cipher: FieldCipher) -> None:
        self._connection, self._cipher = connection, cipher
        self._sources = [
            (contract, fields)
            for contract in catalogue.contracts.values()
            if contract.patient_key and (fields := [f for f in contract.fields if _identifies(f)])
        ]

    def of_persons(self, persons: Sequence[str]) -> dict[str, KnownIdentifiers]:
        """Known identifiers by person key (32 hexadecimal digits)."""
        link = {
            row[0].hex: row[1].hex
            for row in self._connection.execute(
                "select patient_key, person_key from base.person_link where person_key = any(%s::uuid[])",
                (list(persons),),
            )
        }
        names: dict[str, dict[str, Role]] = {person: {} for person in persons}
        values: dict[str, set[tuple[Entity, str]]] = {person: set() for person in persons}
        for contract, fields in self._sources:
            for field, patient, value in self._decrypted(contract, fields, list(link)):
                person = link[patient]
                if field.entity == Entity.PERSON:
                    names[person].setdefault(value, _role(field, contract))
                else:
                    values[person].add((Entity(str(field.entity)), value))
        return {
            person: KnownIdentifiers(
                person=person,
                persons=tuple(KnownPerson(name=name, role=role) for name, role in sorted(names[person].items())),
                values=tuple(sorted(values[person])),
            )
            for person in persons
        }

    def shift_days(self, persons: Sequence[str]) -> dict[str, int]:
        """Date shift of each person in days; every person has one (:mod:`governance.deidentification.pseudonyms`)."""
        rows = self._connection.execute(
            "select person_key, date_shift_days from vault.pseudonym where person_key = any(%s::uuid[])",
            (list(persons),),
        )
        return {row[0].hex: int(row[1]) for row in rows}

    def _decrypted(self, contract: Contract, fields: list[Field], patients: list[str]) -> list[tuple[Field, str, str]]:
        columns = sql.SQL(", ").join(sql.Identifier(f.name) for f in fields)
        query = sql.SQL("select _row_id, _patient_key, {} from vault.{} where _patient_key = any(%s::uuid[])").format(
            columns, sql.Identifier(contract.relation)
        )
        found = []
        for row_id, patient, *ciphertexts in self._connection.execute(query, (patients,)):
            for field, ciphertext in zip(fields, ciphertexts, strict=True):
                if ciphertext is not None:
                    place = f"vault.{contract.relation}.{field.name}"
                    plain = self._cipher.decrypt(place, ciphertext, row_id, patient.hex).decode()
                    found.append((field, patient.hex, plain))
        return found


class RealNames:
    """Tells whether some patient of the hospital bears a name, by blind index: a surrogate must not hit a real one.

    Holds 8 bytes a name: 56 MB for 7 million.
    """

    def __init__(self, connection: psycopg.Connection, catalogue: Catalogue, indexer: BlindIndexer) -> None:
        self._indexer = indexer
        parts = [np.empty(0, np.uint64)]
        for contract in catalogue.contracts.values():
            for field in contract.fields:
                if Protection.BLIND_INDEX in field.protection and field.index_domain == "name":
                    query = sql.SQL("select distinct {0} from landing.{1} where {0} is not null").format(
                        sql.Identifier(f"{field.name}_index"), sql.Identifier(contract.relation)
                    )
                    rows = connection.execute(query)
                    parts.append(np.fromiter((row[0].int >> 64 for row in rows), np.uint64))
        self._known = np.unique(np.concatenate(parts))

    def __call__(self, name: str) -> bool:
        if not len(self._known):
            return False
        return any(self._holds(index) for index in self._indexer.candidates("name", name))

    def _holds(self, index: str) -> bool:
        wanted = np.uint64(int(index, 16) >> 64)
        place = int(np.searchsorted(self._known, wanted))
        return place < len(self._known) and bool(self._known[place] == wanted)


def _identifies(field: Field) -> bool:
    return (
        Protection.ENCRYPT in field.protection
        and field.identifier == "direct"
        and field.entity in {entity.value for entity in Entity}
    )


def _role(field: Field, contract: Contract) -> Role:
    """Whose name a field holds: the patient's where the name is linked, a relative's beside a contact, else staff's."""
    if "contact" in field.name or "relative" in field.name or "maiden" in field.name:
        return "relative"
    own = field.name in {"name", "patient_name", "first_name", "last_name"} or contract.table == "patient"
    return "patient" if own else "staff"
