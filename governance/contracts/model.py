"""What a contract says, resolved: the form that the gate, the DDL and the catalogue work with.

A :class:`Contract` is made only by :mod:`governance.contracts.loading`; all its parts are frozen.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from anonymization.encryption import Suite


class Protection(StrEnum):
    """What happens to a field before the first byte is stored, and later in the de-identified zone."""

    TOKENIZE = "tokenize"  # keyed hash in place of the value; joins stay possible
    ENCRYPT = "encrypt"  # ciphertext in the vault
    BLIND_INDEX = "blind_index"  # keyed hash of the normalised value beside the ciphertext, for linkage
    SHIFT_DATE = "shift_date"  # stored as it is; moved by the person's days in the de-identified zone
    GENERALIZE = "generalize"  # only a coarser value is stored
    SCRUB = "scrub"  # free text: ciphertext in the vault, scrubbed by the de-identification stage
    KEEP = "keep"  # stored as it is
    DROP = "drop"  # not stored


class LogicalType(StrEnum):
    """ODCS logical types that a source field may have."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"


class Severity(StrEnum):
    """``error`` quarantines the row, ``warning`` accepts it and counts."""

    ERROR = "error"
    WARNING = "warning"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Frozen):
    """One check beyond type, range and pattern.

    ``id`` is ``<source>.<table>[.<field>].<name>``. Exactly one of the following is set:
    ``expression`` (SQL over the row's fields, null passes), ``check`` (name of a built-in check of one field),
    ``code_set`` (CSV of include/reference) with ``fields``, ``range_table`` (CSV) with ``key`` and ``field``.
    """

    id: str
    severity: Severity
    dimension: str = "validity"
    expression: str | None = None
    check: str | None = None
    code_set: str | None = None
    range_table: str | None = None
    fields: tuple[str, ...] = ()
    field: str | None = None


class Reference(_Frozen):
    """A foreign key: the value must stand in ``field`` of landing table ``<source>_<table>``."""

    source: str
    table: str
    field: str


class Field(_Frozen):
    """One field of a source table; the attribute names follow ODCS and the project's own custom properties."""

    name: str
    physical_name: str
    business_name: str | None
    description: str | None
    logical_type: LogicalType
    format: str | None = None
    required: bool = False
    primary_key: bool = False
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    minimum: str | float | None = None
    maximum: str | float | None = None
    enum: tuple[str, ...] = ()
    reference: Reference | None = None
    rules: tuple[Rule, ...] = ()
    identifier: str
    category: str
    level: int
    protection: tuple[Protection, ...]
    token_domain: str | None = None
    index_domain: str | None = None
    generalize_to: str | None = None
    entity: str | None = None
    suite: Suite | None = None  # of the ciphertext; the installation's when the contract names none
    maps_to: tuple[str, ...] = ()

    @property
    def in_vault(self) -> bool:
        """Whether the value is stored as ciphertext."""
        return Protection.ENCRYPT in self.protection or Protection.SCRUB in self.protection

    @property
    def landing_column(self) -> str | None:
        """Column of the landing table that holds the value itself (typed or as a token), if any does."""
        plain = {Protection.KEEP, Protection.SHIFT_DATE, Protection.TOKENIZE}
        return self.name if plain.intersection(self.protection) else None


class Delivery(_Frozen):
    """Where the files of a table are and how they are written (ODCS ``servers``)."""

    path: str
    format: str
    encoding: str
    delimiter: str


class Contract(_Frozen):
    """One source table.

    Attributes:
        id: ``<source>.<table>``.
        patient_key: the field whose token says whose row it is, or ``None`` for tables without patients.
    """

    id: str
    source: str
    table: str
    version: str
    file: str
    title: str
    description: str
    delivery: Delivery
    patient_key: str | None
    fields: tuple[Field, ...]
    rules: tuple[Rule, ...]

    @property
    def relation(self) -> str:
        """Name of the table in the schemas ``landing`` and ``vault``."""
        return f"{self.source}_{self.table}"

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Logical names of the fields that identify a row within a delivery; empty when only its whole content does."""
        return tuple(f.name for f in self.fields if f.primary_key)

    def field(self, name: str) -> Field:
        """The field of a logical name (KeyError when there is none)."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)
