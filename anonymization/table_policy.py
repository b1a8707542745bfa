"""How a table is de-identified: what happens to each of its columns, and which rows stay behind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from anonymization.entities import Entity


class Treatment(StrEnum):
    """What happens to a column."""

    KEEP = "keep"
    """The value stays."""
    DROP = "drop"
    """The column is left out."""
    PSEUDONYM = "pseudonym"
    """A keyed digest of the value, 32 hexadecimal digits; equal within its domain."""
    SHIFT_DATE = "shift_date"
    """The date or time, moved by the person's days."""
    BIRTH_YEAR = "birth_year"
    """The year of the moved date; null for who is 90 or older."""
    GENERALIZE = "generalize"
    """A coarser value."""
    SCRUB = "scrub"
    """Free text, scrubbed with what the table knows of its person."""


@dataclass(frozen=True, slots=True)
class ColumnPolicy:
    """How one column is treated.

    Attributes:
        domain: of a pseudonym; columns of one domain can be joined.
        generalize: for ``GENERALIZE``: value → coarser value or None.
        date_format: of dates that are text, as ``strptime`` reads them; they are written in the same form.
        minimum_persons: a value that fewer persons share (rows, where no column tells persons) becomes null.
        entity: the column holds an identifier of this kind, which is looked for in the texts of the same person.
    """

    treatment: Treatment
    domain: str = ""
    generalize: Callable[[str], str | None] | None = None
    date_format: str = ""
    minimum_persons: int = 0
    entity: Entity | None = None


@dataclass(frozen=True, slots=True)
class TablePolicy:
    """How a table is treated.

    Attributes:
        columns: policy of every column that may stand in the table.
        person: the column that tells whose row it is; dates and texts need it.
        held_back: column → disease → pattern. Rows with a match in the column are left out (level 5 of GB/T 39725).
    """

    columns: Mapping[str, ColumnPolicy]
    person: str | None = None
    held_back: Mapping[str, Mapping[str, re.Pattern[str]]] = field(default_factory=dict)
