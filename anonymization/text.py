"""Scrubs clinical text: recognizers + known identifiers + same-name propagation, then the policy's replacements.

    deidentifier = TextDeidentifier(policy, key, staff=staff_names)
    scrubbed = deidentifier.deidentify(text, known, shift_days=-41, reference_date=date(2026, 3, 5))

An instance is configuration: it can be pickled and sent to a worker, where the Presidio engine is built on first use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from presidio_anonymizer import AnonymizerEngine
from presidio_anonymizer.entities import ConflictResolutionStrategy, OperatorConfig
from presidio_anonymizer.entities import RecognizerResult as AnonymizerResult

from anonymization.analyzer import build_analyzer
from anonymization.entities import Entity
from anonymization.errors import AnonymizationError, PolicyError, RecognitionError, ReplacementError
from anonymization.known import KnownIdentifiers, KnownMatcher, KnownPerson, Part
from anonymization.lexicon.surnames import surname_length
from anonymization.normalize import NormalizedText, normalize
from anonymization.policy import DeidentificationPolicy, Operator
from anonymization.replace import PolicyOperator, Replacer
from anonymization.residual import find_residual
from anonymization.spans import Candidate, resolve
from anonymization.surrogates import Surrogates

_CHUNK: Final = 20_000
_PROPAGATED_SCORE: Final = 0.75


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


class TextDeidentifier:
    """Scrubs texts after one policy with one secret key. Thread-compatible; nothing is shared between instances.

    `staff` are names that may stand in any note. `is_real_name` is asked of every surrogate name.
    """

    def __init__(
        self,
        policy: DeidentificationPolicy,
        key: bytes,
        *,
        staff: Iterable[str] = (),
        is_real_name: Callable[[str], bool] | None = None,
        extra_recognizers: Sequence[Any] = (),
    ) -> None:
        if len(key) < 16:
            raise PolicyError("The surrogate key is shorter than 16 bytes. Pass a secret key from the key store.")
        self.policy = policy
        self._key = key
        self._staff = tuple(sorted(set(staff)))
        self._is_real_name = is_real_name
        self._extra = tuple(extra_recognizers)
        self._start_up()

    def __repr__(self) -> str:
        return f"TextDeidentifier(policy={self.policy.version}, staff={len(self._staff)})"

    def __getstate__(self) -> dict[str, Any]:
        names = ("policy", "_key", "_staff", "_is_real_name", "_extra")
        return {name: self.__dict__[name] for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start_up()

    def _start_up(self) -> None:
        self._analyzer: Any = None
        self._anonymizer: Any = None
        self._staff_matcher: KnownMatcher | None = None
        self._last_known: tuple[KnownIdentifiers, KnownMatcher] | None = None

    def deidentify(
        self,
        text: str,
        known: KnownIdentifiers | None = None,
        shift_days: int = 0,
        reference_date: date | None = None,
    ) -> DeidentifiedText:
        """Scrub one text of one patient.

        `shift_days` is the patient's date shift and may not be 0 while the policy shifts dates. `reference_date` is the
        date of the note. Raises PolicyError, RecognitionError or ReplacementError; then the note must be withheld.
        """
        known = known or KnownIdentifiers()
        self._check_shift(shift_days)
        normalized = normalize(text)
        matcher = self._matcher(known)
        candidates = self._detect(normalized, matcher)
        names = _propagated_names(normalized, candidates) if self.policy.propagate_names else {}
        return self._scrub(text, normalized, [*candidates, *_propagate(normalized, names)], known, shift_days, reference_date)

    def deidentify_notes(self, patient: PatientNotes) -> Iterator[Outcome]:
        """Scrub all notes of one patient: a name found in one is looked for in all. Failures withhold their note alone.

        Each output is searched again for what is known and for valid numbers; a hit withholds the note.
        """
        found: list[tuple[Note, NormalizedText, list[Candidate]] | tuple[Note, AnonymizationError]] = []
        names: dict[str, float] = {}
        matcher = self._matcher(patient.known)
        for note in patient.notes:
            try:
                self._check_shift(patient.shift_days)
                normalized = normalize(note.text)
                candidates = self._detect(normalized, matcher)
            except AnonymizationError as error:
                found.append((note, error))
                continue
            if self.policy.propagate_names:
                names.update(_propagated_names(normalized, candidates))
            found.append((note, normalized, candidates))
        for entry in found:
            if len(entry) == 2:
                yield Outcome(entry[0].note_id, None, type(entry[1]).__name__)
            else:
                yield self._finish(*entry, names, patient)

    def deidentify_many(self, patients: Iterable[PatientNotes]) -> Iterator[Outcome]:
        """Scrub the notes of many patients, one patient in memory at a time."""
        for patient in patients:
            yield from self.deidentify_notes(patient)

    def detect(self, text: str, known: KnownIdentifiers | None = None) -> list[Candidate]:
        """Return resolved spans with offsets in the text as given, without changing anything (for evaluation)."""
        normalized = normalize(text)
        candidates = self._detect(normalized, self._matcher(known or KnownIdentifiers()))
        names = _propagated_names(normalized, candidates) if self.policy.propagate_names else {}
        spans = resolve([*candidates, *_propagate(normalized, names)], normalized)
        return [_in_original(span, normalized) for span in spans]

    def _finish(
        self, note: Note, normalized: NormalizedText, candidates: list[Candidate], names: dict[str, float], patient: PatientNotes
    ) -> Outcome:
        try:
            candidates = [*candidates, *_propagate(normalized, names)]
            result = self._scrub(note.text, normalized, candidates, patient.known, patient.shift_days, note.written_on)
        except AnonymizationError as error:
            return Outcome(note.note_id, None, type(error).__name__)
        left = find_residual(result.text, self._matcher(patient.known))
        if left:
            return Outcome(note.note_id, None, "residual: " + ", ".join(f"{name} {count}" for name, count in sorted(left.items())))
        return Outcome(note.note_id, result)

    def _check_shift(self, shift_days: int) -> None:
        if shift_days == 0 and self.policy.operator(Entity.DATE) is Operator.SHIFT:
            raise PolicyError("The date shift of this person is 0 days, so real dates would stay. Derive another shift.")

    def _matcher(self, known: KnownIdentifiers) -> KnownMatcher:
        if self._last_known is None or self._last_known[0] != known:
            self._last_known = known, KnownMatcher.of(known)
        return self._last_known[1]

    def _detect(self, text: NormalizedText, matcher: KnownMatcher) -> list[Candidate]:
        if self._analyzer is None:
            self._analyzer = build_analyzer(self.policy.language, self._extra)
            self._entities = self._analyzer.get_supported_entities(self.policy.language)
            self._staff_matcher = KnownMatcher(KnownPerson(name=name, role="staff") for name in self._staff)
        candidates = list(self._known_candidates(text, matcher))
        for offset, chunk in _chunks(text):
            try:
                results = self._analyzer.analyze(chunk, self.policy.language, entities=self._entities)
            except Exception as error:
                raise RecognitionError("A recognizer failed on this text. Withhold the note and report its id.") from error
            for result in results:
                if result.score >= self.policy.threshold(result.entity_type) and self.policy.scrubs(result.entity_type):
                    source = (result.recognition_metadata or {}).get("recognizer_name", "unknown")
                    start, end = result.start + offset, result.end + offset
                    candidates.append(Candidate(str(result.entity_type), start, end, float(result.score), source))
        return candidates

    def _known_candidates(self, text: str, matcher: KnownMatcher) -> Iterator[Candidate]:
        sources = ((matcher, "known"), (self._staff_matcher, "staff"))
        for one, source in sources:
            for hit in one.hits(text) if one else ():
                if self.policy.scrubs(hit.entity):
                    score = 1.0 if hit.whole else 0.9
                    yield Candidate(str(hit.entity), hit.start, hit.end, score, source, known=hit.whole)

    def _scrub(
        self,
        text: str,
        normalized: NormalizedText,
        candidates: list[Candidate],
        known: KnownIdentifiers,
        shift_days: int,
        reference: date | None,
    ) -> DeidentifiedText:
        matcher = self._matcher(known)
        spans = [_in_original(span, normalized) for span in resolve(candidates, normalized)]
        replacer = Replacer(self.policy, self._surrogates(known.person, matcher), self._part_of(matcher), shift_days, reference)
        config = {"DEFAULT": OperatorConfig(PolicyOperator.NAME, {"replace": replacer})}
        try:
            anonymized = self._engine().anonymize(
                text,
                [AnonymizerResult(span.entity, span.start, span.end, span.score) for span in spans],
                config,
                conflict_resolution=ConflictResolutionStrategy.MERGE_SIMILAR_OR_CONTAINED,
                merge_entities_with_spaces=False,
            )
        except Exception as error:
            raise ReplacementError("An identifier of this text could not be replaced. Withhold the note and report its id.") from error
        items = sorted(anonymized.items, key=lambda item: item.start)
        if len(items) != len(spans):
            raise ReplacementError("Fewer identifiers were replaced than found. Withhold the note and report its id.")
        written = tuple(
            Span(item.start, item.end, span.entity, span.end - span.start, round(span.score, 2), span.source)
            for item, span in zip(items, spans, strict=True)
        )
        return DeidentifiedText(anonymized.text, written, Counter(span.entity for span in spans), self.policy.version)

    def _engine(self) -> Any:
        if self._anonymizer is None:
            self._anonymizer = AnonymizerEngine()
            self._anonymizer.add_anonymizer(PolicyOperator)
        return self._anonymizer

    def _surrogates(self, person: str, matcher: KnownMatcher) -> Surrogates:
        staff, real = self._staff_matcher, self._is_real_name

        def is_taken(name: str) -> bool:
            return matcher.is_known_name(name) or bool(staff and staff.is_known_name(name)) or bool(real and real(name))

        return Surrogates(self._key, person, is_taken)

    def _part_of(self, matcher: KnownMatcher) -> Callable[[str], Part | None]:
        staff = self._staff_matcher
        return lambda surface: matcher.aliases.get(surface) or (staff.aliases.get(surface) if staff else None)


def _in_original(span: Candidate, text: NormalizedText) -> Candidate:
    start, end = text.original_span(span.start, span.end)
    return span._replace(start=start, end=end)


def _chunks(text: NormalizedText) -> Iterator[tuple[int, NormalizedText]]:
    """Cut long texts at line ends or full stops, so that time and memory stay linear."""
    start = 0
    while len(text) - start > _CHUNK:
        cut = max(text.rfind("\n", start, start + _CHUNK), text.rfind("。", start, start + _CHUNK)) + 1
        stop = cut if cut > start + _CHUNK // 2 else start + _CHUNK
        yield start, _piece(text[start:stop])
        start = stop
    yield start, text if start == 0 else _piece(text[start:])


def _piece(text: str) -> NormalizedText:
    piece = NormalizedText(text)
    piece.offsets = None
    return piece


def _propagated_names(text: str, candidates: Iterable[Candidate]) -> dict[str, float]:
    """Return whole names of three characters and more that were found surely enough to be looked for elsewhere."""
    names = {}
    for candidate in candidates:
        name = text[candidate.start : candidate.end]
        if candidate.entity == Entity.PERSON and candidate.score >= 0.7 and len(name) >= 3 and surname_length(name):
            names[name] = candidate.score
    return names


def _propagate(text: str, names: Mapping[str, float]) -> Iterator[Candidate]:
    for name in names:
        start = text.find(name)
        while start >= 0:
            yield Candidate(Entity.PERSON, start, start + len(name), _PROPAGATED_SCORE, "propagated")
            start = text.find(name, start + 1)
