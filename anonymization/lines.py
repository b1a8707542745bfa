"""JSON lines in, JSON lines out: one record of text a line, for pipes of any language.

In:  {"id": any, "text": "…", "lang": "zh"|"en", and for de-identified text also "person": "…", "date": "2026-03-05",
     "known": {"PERSON": ["…"], "PHONE": ["…"]}}
Out: {"id", "spans": [{"start", "end", "type", "score"}]} or {"id", "text", "spans", "policy"} or {"id", "withheld"}.
A line that cannot be used gives {"id" or "line", "error"}: never a crash, never silence. No answer quotes the input.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple, TypeVar

from anonymization.dates import derive_shift_days
from anonymization.entities import Entity
from anonymization.errors import AnonymizationError
from anonymization.known import KnownIdentifiers, KnownPerson
from anonymization.policy import DeidentificationPolicy
from anonymization.text import Note, PatientNotes, TextDeidentifier

LANGUAGES: Final = ("zh", "en")
LONGEST_LINE: Final = 64 * 1024 * 1024
"""Bytes; a longer line is refused unread, so that memory stays bounded."""
_Read = TypeVar("_Read")
_NO_KEY: Final = bytes(32)
"""Spans need no key: nothing is replaced."""


class Answer(NamedTuple):
    """One line of output with its line feed, and whether the input line could be used."""

    line: bytes
    is_good: bool


class _BadLineError(Exception):
    """What is wrong with a line, without its content."""


@dataclass(frozen=True, slots=True)
class _Job:
    """One good line: its name in the answer, and what is to be done."""

    name: dict[str, Any]
    language: str
    text: str = field(repr=False)
    known: KnownIdentifiers
    written_on: date | None


class LineWorker:
    """Answers lines, several at a time. Configuration only, until the first line: it can be sent to another process.

    `key` is None for spans; with a key (16 bytes or more) the text is de-identified.
    """

    def __init__(self, policy: DeidentificationPolicy, key: bytes | None) -> None:
        self._key = key
        self._policy = policy
        self._by_language: dict[str, TextDeidentifier] = {}

    def answers(self, lines: Sequence[tuple[int, bytes]]) -> list[Answer]:
        """Return the answers to lines with their numbers (from 1), in their order."""
        read = [_job(number, line) for number, line in lines]
        answered: dict[int, Answer] = {}
        for language in LANGUAGES:
            places = [i for i, job in enumerate(read) if isinstance(job, _Job) and job.language == language]
            jobs = [job for job in read if isinstance(job, _Job) and job.language == language]
            answered.update(zip(places, self._answer(language, jobs), strict=True))
        return [job if isinstance(job, Answer) else answered[i] for i, job in enumerate(read)]

    def _answer(self, language: str, jobs: list[_Job]) -> list[Answer]:
        """Answer the good lines of one language; when a portion fails as a whole, its lines are tried one by one."""
        if not jobs:
            return []
        deidentifier = self._deidentifier(language)
        try:
            contents = list(self._spans(deidentifier, jobs) if self._key is None else self._texts(deidentifier, jobs))
        except Exception as error:  # whatever a site's recognizer may raise: one line alone is refused
            if len(jobs) > 1:
                return [self._answer(language, [job])[0] for job in jobs]
            return [_refused(jobs[0].name, f"internal error {type(error).__name__}; report the id")]
        return [
            Answer(_dump(job.name | content), "error" not in content)
            for job, content in zip(jobs, contents, strict=True)
        ]

    def _spans(self, deidentifier: TextDeidentifier, jobs: list[_Job]) -> Iterator[dict[str, Any]]:
        for found in deidentifier.detect_many([job.text for job in jobs], [job.known for job in jobs]):
            if isinstance(found, AnonymizationError):
                yield {"error": f"{type(found).__name__}: {found}"}
            else:
                yield {"spans": [_span(s.start, s.end, s.entity) | {"score": round(s.score, 2)} for s in found]}

    def _texts(self, deidentifier: TextDeidentifier, jobs: list[_Job]) -> Iterator[dict[str, Any]]:
        key = self._key or b""
        patients = [
            PatientNotes(
                [Note("", job.text, job.written_on)],
                job.known,
                derive_shift_days(key, job.known.person, self._policy.maximum_shift_days),
            )
            for job in jobs
        ]
        for outcome in deidentifier.deidentify_many(patients):
            result = outcome.result
            if result is None:
                yield {"withheld": outcome.withheld}
            else:
                spans = [_span(s.start, s.end, s.entity) for s in result.spans]
                yield {"text": result.text, "spans": spans, "policy": result.policy_version}

    def _deidentifier(self, language: str) -> TextDeidentifier:
        if language not in self._by_language:
            policy = self._policy.model_copy(update={"language": language})
            self._by_language[language] = TextDeidentifier(policy, self._key or _NO_KEY)
        return self._by_language[language]

    def __getstate__(self) -> dict[str, Any]:
        return {"_key": self._key, "_policy": self._policy, "_by_language": {}}


def _job(number: int, line: bytes) -> _Job | Answer:
    """Read a line, or return the answer that says what is wrong with it."""
    name: dict[str, Any] = {"line": number}
    try:
        record = _record(line)
        name = {"id": record["id"]} if "id" in record else name
        return _Job(name, _language_of(record), _text_of(record), _known_of(record), _date_of(record))
    except _BadLineError as error:
        return _refused(name, str(error))


def _refused(name: dict[str, Any], why: str) -> Answer:
    return Answer(_dump(name | {"error": why}), False)


def _span(start: int, end: int, entity: str) -> dict[str, Any]:
    return {"start": start, "end": end, "type": str(entity)}


def _record(line: bytes) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise _BadLineError(f"longer than {LONGEST_LINE} bytes")
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _BadLineError(f"not UTF-8 at byte {error.start}") from error
    except (ValueError, RecursionError) as error:
        raise _BadLineError("not JSON" if line.strip() else "an empty line") from error
    if not isinstance(record, dict):
        raise _BadLineError("not a JSON object")
    return record


def _text_of(record: dict[str, Any]) -> str:
    text = record.get("text")
    if not isinstance(text, str):
        raise _BadLineError('no "text"' if text is None else '"text" is not a string')
    return text


def _language_of(record: dict[str, Any]) -> str:
    language = record.get("lang") or LANGUAGES[0]
    if language not in LANGUAGES:
        raise _BadLineError(f'"lang" is not one of {", ".join(LANGUAGES)}')
    return str(language)


def _date_of(record: dict[str, Any]) -> date | None:
    return _field(record, "date", "a date YYYY-MM-DD", date.fromisoformat) if record.get("date") else None


def _known_of(record: dict[str, Any]) -> KnownIdentifiers:
    return _field(record, "known", "an object of entity types with lists of strings", lambda _: _known(record))


def _known(record: dict[str, Any]) -> KnownIdentifiers:
    given = record.get("known") or {}
    pairs = [(Entity(kind), value) for kind, values in given.items() for value in values]
    if not all(isinstance(value, str) and isinstance(given[kind], list) for kind, value in pairs):
        raise TypeError
    return KnownIdentifiers(
        person=str(record.get("person") or ""),
        persons=tuple(KnownPerson(name=value) for kind, value in pairs if kind is Entity.PERSON),
        values=tuple((kind, value) for kind, value in pairs if kind is not Entity.PERSON),
    )


def _field(record: dict[str, Any], name: str, expected: str, read: Callable[[Any], _Read]) -> _Read:
    try:
        return read(record.get(name))
    except (ValueError, TypeError, AttributeError) as error:
        raise _BadLineError(f'"{name}" is not {expected}') from error


def _dump(answer: dict[str, Any]) -> bytes:
    """Return one line of JSON in UTF-8; unpaired surrogates, which UTF-8 has not, are written as escapes."""
    try:
        return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    except UnicodeEncodeError:
        return json.dumps(answer, separators=(",", ":")).encode() + b"\n"
