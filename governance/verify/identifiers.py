"""Which values must not be found in plain, and which of them can be hunted without false alarms.

Every direct identifier is taken from the vault, decrypted in memory and never written anywhere. Not every value can be
told from other text: a name of two characters is a part of ordinary words (升[高明]显), a number of eight digits may be
a date, and "退休" is an employer. The rules of :func:`judge` decide; what is left out is counted with its reason and
reported, never passed over in silence. Planted identifiers (canaries) are exempt: they are hunted always.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Flag, auto
from pathlib import Path
from typing import Protocol

import psycopg
from psycopg import sql

from anonymization.encryption import FieldCipher
from governance.contracts import Catalogue, Contract
from governance.contracts.model import Field
from governance.contracts.model import Protection as Protect
from governance.errors import VerificationError
from governance.verify.hunting import Guard, Needle

PERSON, ORGANIZATION, ADDRESS = "PERSON", "ORGANIZATION", "ADDRESS"
_HAN = re.compile(r"[㐀-鿿]")
_HOUSE = re.compile(r"[0-9０-９号栋幢弄室楼村组队]")
_LOOSE = re.compile(r"[\s\-()（）·•.]")
_FETCH = 10_000


class Reach(Flag):
    """Kinds of places in which a value can be hunted without false alarms."""

    NOWHERE = 0
    CELLS = auto()  # as a whole value of a text column
    TEXT = auto()  # logs, events, XCom, text columns
    BINARY = auto()  # files of the server, backups
    EVERYWHERE = CELLS | TEXT | BINARY


@dataclass(frozen=True)
class Identifier:
    """One identifier of one person. Its repr shows no value.

    Attributes:
        kind: entity type (PERSON, RESIDENT_ID, PHONE …).
        owner: patient key (32 hexadecimal digits) if it is the patient's own, else ``None``.
        canary: planted, occurs nowhere else.
    """

    kind: str
    value: str = field(repr=False)
    owner: str | None = None
    canary: bool = False


class IdentifierSource(Protocol):
    """Where identifiers come from."""

    def identifiers(self) -> Iterator[Identifier]:
        """All identifiers; equal ones may come repeatedly."""
        ...


@dataclass(frozen=True)
class VaultIdentifiers:
    """Identifiers from the vault: every encrypted field that a contract calls a direct identifier, but no free text."""

    connection: Callable[[], AbstractContextManager[psycopg.Connection]]
    catalogue: Catalogue
    cipher: FieldCipher

    def identifiers(self) -> Iterator[Identifier]:
        """Decrypt field by field, some thousand rows at a time.

        Raises:
            DecryptionError: a ciphertext was altered or moved, or its key is missing.
        """
        with self.connection() as connection:
            for contract in self.catalogue.contracts.values():
                for column in contract.fields:
                    if column.in_vault and column.identifier == "direct" and Protect.SCRUB not in column.protection:
                        yield from self._column(connection, contract, column)

    def _column(self, connection: psycopg.Connection, contract: Contract, column: Field) -> Iterator[Identifier]:
        place = f"vault.{contract.relation}.{column.name}"
        kind = column.entity or "OTHER"
        own = column.protection != (Protect.ENCRYPT,) or kind not in (PERSON, ORGANIZATION)
        query = sql.SQL("select {column}, _row_id, _patient_key from vault.{table} where {column} is not null").format(
            column=sql.Identifier(column.name), table=sql.Identifier(contract.relation)
        )
        with connection.transaction(), connection.cursor("identifiers", binary=True) as cursor:
            cursor.execute(query)
            while rows := cursor.fetchmany(_FETCH):
                owners = [row[2].hex if row[2] else None for row in rows]
                values = self.cipher.decrypt_column(place, [r[0] for r in rows], [r[1] for r in rows], owners)
                for value, owner in zip(values, owners, strict=True):
                    if value and value.strip():
                        yield Identifier(kind, value.strip(), owner if own else None)


@dataclass
class Prey:
    """The identifiers to hunt, with what is known about them.

    Attributes:
        values: distinct identifiers, by position.
        reaches: where each may be hunted, by position.
        owners: patient keys of those whose own identifier it is, by position.
        excluded: (kind, reason) → number of distinct values that are hunted nowhere.
    """

    values: list[Identifier] = field(default_factory=list, repr=False)
    reaches: list[Reach] = field(default_factory=list)
    owners: list[set[str]] = field(default_factory=list, repr=False)
    excluded: Counter[tuple[str, str]] = field(default_factory=Counter)

    def needles(self, place: Reach) -> list[Needle]:
        """Byte strings to hunt in one kind of place."""
        made = []
        for position, (identifier, reach) in enumerate(zip(self.values, self.reaches, strict=True)):
            if place & reach:
                whole = place is Reach.CELLS
                shortest = 6 if whole or identifier.canary or place is Reach.TEXT else 8
                guard = Guard.CELL if whole else Guard.NO_DIGIT if _has_digit(identifier.value) else Guard.NOTHING
                made += [Needle(p, guard, position) for p in _spellings(identifier.value) if len(p) >= shortest]
        return made

    def hunted(self, place: Reach) -> Counter[str]:
        """Distinct values of each kind that are hunted in one kind of place."""
        return Counter(i.kind for i, reach in zip(self.values, self.reaches, strict=True) if place & reach)

    def by_owner(self, place: Reach) -> dict[str, list[int]]:
        """Patient key → positions of his or her own identifiers that can be hunted in one kind of place."""
        owned: dict[str, list[int]] = defaultdict(list)
        for position, owners in enumerate(self.owners):
            if self.reaches[position] & place:
                for owner in owners:
                    owned[owner].append(position)
        return owned


def gather(source: IdentifierSource, canaries: Path | None = None) -> Prey:
    """Collect, make distinct, and judge.

    Raises:
        VerificationError: the canary file cannot be read.
    """
    prey = Prey()
    positions: dict[tuple[str, str], int] = {}
    for identifier in _all(source, canaries):
        key = (identifier.kind, identifier.value)
        at = positions.get(key)
        if at is None:
            reach, reason = (Reach.EVERYWHERE, "") if identifier.canary else judge(identifier.kind, identifier.value)
            at = positions[key] = len(prey.values)
            prey.values.append(identifier)
            prey.reaches.append(reach)
            prey.owners.append(set())
            if reach is Reach.NOWHERE:
                prey.excluded[identifier.kind, reason] += 1
        if identifier.owner:
            prey.owners[at].add(identifier.owner)
    return prey


def judge(kind: str, value: str) -> tuple[Reach, str]:
    """Where a value can be hunted, and if nowhere, why not (Chinese and English).

    Numbers of ten or more digits (nine, if grouped by hyphens), and mixtures of letters and at least seven digits, are hunted everywhere, but not as
    part of a longer number. Names of four or more characters too. Names of three are hunted in text; in the server's
    files they cannot be told from the surrogates of de-identified notes. Names of two only as a whole value. Addresses
    need a house or a village in them.
    """
    tight = _LOOSE.sub("", value)
    digits = sum(c.isdigit() for c in tight)
    han = len(_HAN.findall(value))
    if tight.isdigit():
        return (
            (Reach.EVERYWHERE, "")
            if digits >= 10 or (digits == 9 and "-" in value)
            else (Reach.NOWHERE, "数字过短 number too short")
        )
    if kind == PERSON:
        return _judge_name(value, tight, han, digits)
    if kind == ADDRESS:
        found = bool(_HOUSE.search(value)) and len(tight) >= 8
        return (Reach.EVERYWHERE, "") if found else (Reach.NOWHERE, "只到地名 no more than a place name")
    if han:
        return (Reach.EVERYWHERE, "") if len(tight) >= 6 else (Reach.NOWHERE, "常用词 an ordinary word")
    if digits >= 7 or (digits and len(tight) >= 12):
        return Reach.EVERYWHERE, ""
    return Reach.NOWHERE, "过短或无数字 too short or without a number"


def _judge_name(value: str, tight: str, han: int, digits: int) -> tuple[Reach, str]:
    if han >= 4 or (not han and len(tight) >= 8 and (digits or " " in value)):
        return Reach.EVERYWHERE, ""
    if han == 3:
        return Reach.CELLS | Reach.TEXT, ""
    if han == 2 or (not han and len(tight) >= 6 and digits):
        return Reach.CELLS, ""
    return Reach.NOWHERE, "姓名过短 name too short"


def _spellings(value: str) -> set[bytes]:
    """UTF-8, GB18030 and JSON's escapes; numbers also without separators; x and X of an identity number."""
    texts = {value}
    if _has_digit(value) and value.isascii():
        tight = _LOOSE.sub("", value)
        texts |= {value.upper(), value.lower()} | ({tight} if len(tight) >= 10 else set())
    escaped = {json.dumps(text)[1:-1].encode() for text in texts}
    return escaped | {t.encode() for t in texts} | {t.encode("gb18030") for t in texts}


def _has_digit(value: str) -> bool:
    return any(c.isdigit() and c.isascii() for c in value)


def _all(source: IdentifierSource, canaries: Path | None) -> Iterator[Identifier]:
    if canaries is not None:
        yield from read_canaries(canaries)
    yield from source.identifiers()


def read_canaries(path: Path) -> Iterator[Identifier]:
    """Planted identifiers from NDJSON lines with ``type`` and ``value``.

    Raises:
        VerificationError: the file cannot be read; names the line.
    """
    number = 0
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                number += 1
                if line.strip():
                    record = json.loads(line)
                    yield Identifier(str(record["type"]), str(record["value"]), canary=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VerificationError(
            f"canary file {path}, line {number}: {type(error).__name__}; each line needs 'type' and 'value'"
        ) from error
