"""What goes into text de-identification and what comes out: notes, patients, scrubbed texts and their spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from anonymization.known import KnownIdentifiers


@dataclass(frozen=True, slots=True)
class Span:
    """One replacement: half-open offsets in the scrubbed text, kind, length that the original had, how it was found."""

    start: int
    end: int
    entity: str
    original_length: int
    score: float
    source: str


@dataclass(frozen=True, slots=True)
class DeidentifiedText:
    """A scrubbed text with its spans; no plain identifier is in it."""

    text: str = field(repr=False)
    spans: tuple[Span, ...]
    counts: Mapping[str, int]
    """Replacements by entity type."""
    policy_version: str


@dataclass(frozen=True, slots=True)
class Note:
    """One text of a patient. `note_id` is any id that is no patient's value; `written_on` dates partial dates."""

    note_id: str
    text: str = field(repr=False)
    written_on: date | None = None


@dataclass(frozen=True, slots=True)
class PatientNotes:
    """All notes of one patient that are scrubbed together, with what is known of the patient."""

    notes: Sequence[Note]
    known: KnownIdentifiers
    shift_days: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one note: a result, or the reason why it is withheld (an error class, or what was left in it)."""

    note_id: str
    result: DeidentifiedText | None
    withheld: str | None = None
