"""De-identifies a table in memory: pseudonyms, date shift, coarser values, rare values, scrubbed texts, held-back rows.

    deidentifier = TableDeidentifier(policy, key, texts=TextDeidentifier(…))
    done = deidentifier.deidentify(table)      # a pyarrow, polars or pandas table; the same kind comes back

Every column needs a policy: one that has none refuses the table. Nothing is stored: the same key gives a value the same
pseudonym and a person the same date shift as in that person's texts (:func:`anonymization.dates.derive_shift_days`).
What cannot be treated (a date that is none, a date without a person, a text that is withheld) becomes null and counts.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import polars as pl
import pyarrow as pa

from anonymization.dates import derive_shift_days, shift
from anonymization.encryption import KeyedDigest
from anonymization.entities import Entity
from anonymization.errors import PolicyError
from anonymization.generalize import OLDEST_AGE
from anonymization.known import KnownIdentifiers, KnownPerson
from anonymization.notes import Note, PatientNotes
from anonymization.table_policy import ColumnPolicy, TablePolicy, Treatment
from anonymization.text import TextDeidentifier


@dataclass(frozen=True, slots=True)
class DeidentifiedTable:
    """The table without identifiers, and counts: rows read, rows held back by disease, values made null by column."""

    table: Any = field(repr=False)
    rows_in: int
    held_back: Mapping[str, int]
    rare: Mapping[str, int]
    withheld: Mapping[str, int]


_TEXT_OR_DATE: Final = (Treatment.SHIFT_DATE, Treatment.BIRTH_YEAR, Treatment.SCRUB)


class TableDeidentifier:
    """Treats tables after one policy with one secret key.

    Args:
        key: 16 bytes or more; the key with which the texts of these persons are scrubbed, if dates are to agree.
        texts: scrubs the columns of free text; a policy with such a column needs it.

    Raises:
        PolicyError: the key is too short, or the policy lacks what a column needs.
    """

    def __init__(
        self, policy: TablePolicy, key: bytes, *, texts: TextDeidentifier | None = None, maximum_shift_days: int = 180
    ) -> None:
        if len(key) < 16:
            raise PolicyError("The key is shorter than 16 bytes. Pass a secret key from the key store.")
        for name, column in policy.columns.items():
            if column.treatment in _TEXT_OR_DATE and policy.person is None:
                raise PolicyError(f"Column {name} is treated by person, and the policy names no column of persons.")
            if column.treatment is Treatment.SCRUB and texts is None:
                raise PolicyError(f"Column {name} holds free text. Pass a TextDeidentifier.")
            if column.treatment is Treatment.GENERALIZE and column.generalize is None:
                raise PolicyError(f"Column {name} is to be generalised, and the policy does not say how.")
        if policy.person is not None and policy.person not in policy.columns:
            raise PolicyError(f"Column {policy.person}, which tells persons, has no policy.")
        self._policy, self._key, self._texts = policy, key, texts
        self._maximum = maximum_shift_days
        self._pseudonym_key = hmac.new(key, b"table-pseudonyms", hashlib.sha256).digest()

    def deidentify(self, table: Any, *, released: Collection[str] = (), today: date | None = None) -> DeidentifiedTable:
        """Treat a table.

        Args:
            table: pyarrow, polars or pandas.
            released: diseases of ``held_back`` whose rows an approval lets out.
            today: the day on which ages are told; by default the present one.

        Raises:
            PolicyError: a column has no policy, or the column of persons is missing.
        """
        frame = table if isinstance(table, pl.DataFrame) else pl.DataFrame(table)
        unknown = [name for name in frame.columns if name not in self._policy.columns]
        if unknown:
            raise PolicyError(
                f"The table has columns without a policy: {', '.join(unknown)}. Add them or leave them out."
            )
        if self._policy.person is not None and self._policy.person not in frame.columns:
            raise PolicyError(f"The table lacks the column {self._policy.person}, which tells whose a row is.")
        rows_in = frame.height
        frame, held = self._without_held_back(frame, released)
        work = _Work(self._policy, frame)
        columns = [
            made.alias(name)
            for name in frame.columns
            if (made := self._treated(work, name, today or date.today())) is not None
        ]
        result = pl.DataFrame(columns)
        return DeidentifiedTable(_like(result, table), rows_in, held, dict(work.rare), dict(work.withheld))

    def _without_held_back(self, frame: pl.DataFrame, released: Collection[str]) -> tuple[pl.DataFrame, dict[str, int]]:
        found: list[str | None] = [None] * frame.height
        for name, diseases in self._policy.held_back.items():
            if name not in frame.columns:
                continue
            kept_back = {disease: pattern for disease, pattern in diseases.items() if disease not in released}
            known = {
                value: next((disease for disease, pattern in kept_back.items() if pattern.search(str(value))), None)
                for value in frame[name].drop_nulls().unique().to_list()
            }
            found = [old or known.get(value) for old, value in zip(found, frame[name].to_list(), strict=True)]
        counts = Counter(disease for disease in found if disease)
        return frame.filter(pl.Series([disease is None for disease in found], dtype=pl.Boolean)), dict(counts)

    def _treated(self, work: _Work, name: str, today: date) -> pl.Series | None:
        column, values = self._policy.columns[name], work.frame[name]
        match column.treatment:
            case Treatment.DROP:
                return None
            case Treatment.PSEUDONYM:
                digest = KeyedDigest(self._pseudonym_key, f"pseudonym:{column.domain or name}")
                made = _mapped(values, lambda value: digest.one(str(value).encode()))
            case Treatment.GENERALIZE:
                coarser = column.generalize
                assert coarser is not None  # noqa: S101 - checked when the policy was taken
                made = _mapped(values, lambda value: coarser(str(value)))
            case Treatment.SHIFT_DATE | Treatment.BIRTH_YEAR:
                made = self._dates(work, name, column, today)
            case Treatment.SCRUB:
                made = self._scrubbed(work, name)
            case Treatment.KEEP:
                made = values
        return work.without_rare(made, name, column.minimum_persons)

    def _days(self, person: object) -> int:
        return derive_shift_days(self._key, str(person), self._maximum)

    def _dates(self, work: _Work, name: str, column: ColumnPolicy, today: date) -> pl.Series:
        days = {person: self._days(person) for person in work.persons.drop_nulls().unique().to_list()}
        given, as_year = work.frame[name], column.treatment is Treatment.BIRTH_YEAR
        made: list[Any] = []
        for value, person in zip(given.to_list(), work.persons.to_list(), strict=True):
            moment = _moment(value, column.date_format)
            moved = shift(moment, days[person]) if moment is not None and person is not None else None
            if moved is None or moment is None:
                made.append(None)
            elif as_year:
                made.append(moved.year if _years(moment, today) < OLDEST_AGE else None)
            else:
                made.append(moved.strftime(column.date_format) if isinstance(value, str) else moved)
        result = pl.Series(name, made, pl.Int32 if as_year else given.dtype)
        if not as_year:
            work.count_lost(name, given, result)
        return result

    def _scrubbed(self, work: _Work, name: str) -> pl.Series:
        texts = self._texts
        assert texts is not None  # noqa: S101 - checked when the policy was taken
        given = work.frame[name]
        places: dict[object, list[int]] = {}
        for place, (value, person) in enumerate(zip(given.to_list(), work.persons.to_list(), strict=True)):
            if value is not None and person is not None:
                places.setdefault(person, []).append(place)
        patients = (
            PatientNotes([Note(str(p), str(given[p])) for p in rows], work.known(person), self._days(person))
            for person, rows in places.items()
        )
        made: list[str | None] = [None] * given.len()
        for outcome in texts.deidentify_many(patients):
            made[int(outcome.note_id)] = outcome.result.text if outcome.result else None
        result = pl.Series(name, made, pl.String)
        work.count_lost(name, given, result)
        return result


class _Work:
    """One table under treatment: its persons, what it says of each, and what was lost."""

    def __init__(self, policy: TablePolicy, frame: pl.DataFrame) -> None:
        self.frame = frame
        self.persons = pl.Series([None] * frame.height) if policy.person is None else frame[policy.person]
        self._has_persons = policy.person is not None
        self._identifiers = [
            (name, column.entity) for name, column in policy.columns.items() if column.entity and name in frame.columns
        ]
        self._of_person: dict[object, set[tuple[Entity, str]]] | None = None
        self.rare: Counter[str] = Counter()
        self.withheld: Counter[str] = Counter()

    def known(self, person: object) -> KnownIdentifiers:
        """What all rows of a person say of that person."""
        if self._of_person is None:
            self._of_person = {}
            for name, entity in self._identifiers:
                for one, value in zip(self.persons.to_list(), self.frame[name].to_list(), strict=True):
                    if one is not None and value is not None and str(value).strip():
                        self._of_person.setdefault(one, set()).add((entity, str(value).strip()))
        said = sorted(self._of_person.get(person, ()))
        return KnownIdentifiers(
            person=str(person),
            persons=tuple(KnownPerson(name=value) for entity, value in said if entity is Entity.PERSON),
            values=tuple((entity, value) for entity, value in said if entity is not Entity.PERSON),
        )

    def without_rare(self, values: pl.Series, name: str, minimum: int) -> pl.Series:
        """The values, those of fewer persons than the minimum made null and counted."""
        if minimum <= 1:
            return values
        whose = self.persons if self._has_persons else pl.Series(range(values.len()))
        counted = pl.DataFrame({"value": values, "whose": whose})
        enough = counted.select(pl.col("whose").n_unique().over("value") >= minimum).to_series()
        rare = ~enough & values.is_not_null()
        self.rare[name] += int(rare.sum())
        return counted.select(pl.when(enough).then(pl.col("value"))).to_series()

    def count_lost(self, name: str, given: pl.Series, made: pl.Series) -> None:
        """Count the values that were given and are null now."""
        self.withheld[name] += int((given.is_not_null() & made.is_null()).sum())


def _mapped(values: pl.Series, make: Callable[[object], str | None]) -> pl.Series:
    known = {value: make(value) for value in values.drop_nulls().unique().to_list()}
    return pl.Series(values.name, [known.get(value) for value in values.to_list()], pl.String)


def _moment(value: object, form: str) -> date | datetime | None:
    if isinstance(value, (date, datetime)) or value is None:
        return value
    try:
        return datetime.strptime(str(value), form)
    except ValueError:
        return None


def _years(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _like(frame: pl.DataFrame, table: object) -> object:
    """The frame as the kind of table that was given."""
    if isinstance(table, pa.Table):
        return frame.to_arrow()
    return frame.to_pandas() if type(table).__module__.startswith("pandas") else frame
