"""Scrubs clinical text: recognizers + known identifiers + same-name propagation, then the policy's replacements.

    deidentifier = TextDeidentifier(policy, key, staff=staff_names)
    scrubbed = deidentifier.deidentify(text, known, shift_days=-41, reference_date=date(2026, 3, 5))

An instance is configuration: it can be pickled and sent to a worker, where the Presidio engine is built on first use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from presidio_anonymizer import AnonymizerEngine
from presidio_anonymizer.entities import OperatorConfig
from presidio_anonymizer.entities import RecognizerResult as AnonymizerResult

from anonymization.detection import Detector, propagate
from anonymization.entities import Entity
from anonymization.errors import AnonymizationError, PolicyError, ReplacementError
from anonymization.known import KnownIdentifiers, KnownMatcher, Part
from anonymization.normalize import NormalizedText, normalize
from anonymization.notes import DeidentifiedText, Note, Outcome, PatientNotes, Span
from anonymization.policy import DeidentificationPolicy, Operator
from anonymization.replace import PolicyOperator, Replacer
from anonymization.residual import find_residual
from anonymization.spans import Candidate, resolve, to_original
from anonymization.surrogates import Surrogates

__all__ = ["DeidentifiedText", "Note", "Outcome", "PatientNotes", "Span", "TextDeidentifier"]

_LEAST_KEY_BYTES = 16
_PORTION = 200


class TextDeidentifier:
    """Scrubs texts after one policy with one secret key. Nothing is shared between instances.

    `staff` are names that may stand in any note. `is_real_name` is asked of every surrogate name. `extra_recognizers`
    are further Presidio recognizers of the site. Raises PolicyError when the key is shorter than 16 bytes.
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
        if len(key) < _LEAST_KEY_BYTES:
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
        return {name: self.__dict__[name] for name in ("policy", "_key", "_staff", "_is_real_name", "_extra")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start_up()

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
        candidates = self._detector.find(normalized, self._matcher(known))
        names = self._detector.names(normalized, candidates)
        candidates.extend(propagate(normalized, names))
        return self._scrub(text, normalized, candidates, known, shift_days, reference_date)

    def deidentify_notes(self, patient: PatientNotes) -> Iterator[Outcome]:
        """Scrub all notes of one patient: a name found in one is looked for in all. Failures withhold their note alone.

        Each output is searched again for what is known and for valid numbers; a hit withholds the note.
        """
        matcher = self._matcher(patient.known)
        names: set[str] = set()
        found: list[tuple[Note, NormalizedText, list[Candidate] | AnonymizationError]] = []
        for note in patient.notes:
            normalized = normalize(note.text)
            try:
                self._check_shift(patient.shift_days)
                candidates = self._detector.find(normalized, matcher)
            except AnonymizationError as error:
                found.append((note, normalized, error))
                continue
            names |= self._detector.names(normalized, candidates)
            found.append((note, normalized, candidates))
        for note, normalized, candidates_or_error in found:
            if isinstance(candidates_or_error, AnonymizationError):
                yield Outcome(note.note_id, None, type(candidates_or_error).__name__)
            else:
                yield self._finish(note, normalized, [*candidates_or_error, *propagate(normalized, names)], patient)

    def deidentify_many(self, patients: Iterable[PatientNotes]) -> Iterator[Outcome]:
        """Scrub the notes of many patients, one patient in memory at a time."""
        for patient in patients:
            yield from self.deidentify_notes(patient)

    def detect(self, text: str, known: KnownIdentifiers | None = None) -> list[Candidate]:
        """Return resolved spans with offsets in the text as given, without changing anything (for evaluation)."""
        normalized = normalize(text)
        candidates = self._detector.find(normalized, self._matcher(known or KnownIdentifiers()))
        candidates.extend(propagate(normalized, self._detector.names(normalized, candidates)))
        return to_original(resolve(candidates, normalized), normalized)

    def _start_up(self) -> None:
        self._built: Detector | None = None
        self._anonymizer: Any = None
        self._last_known: tuple[KnownIdentifiers, KnownMatcher] | None = None

    @property
    def _detector(self) -> Detector:
        if self._built is None:
            self._built = Detector(self.policy, self._staff, self._extra)
        return self._built

    def _matcher(self, known: KnownIdentifiers) -> KnownMatcher:
        if self._last_known is None or self._last_known[0] != known:
            self._last_known = known, KnownMatcher.of(known)
        return self._last_known[1]

    def _check_shift(self, shift_days: int) -> None:
        if shift_days == 0 and self.policy.operator(Entity.DATE) is Operator.SHIFT:
            raise PolicyError("The date shift of this person is 0 days: real dates would stay. Derive another shift.")

    def _finish(
        self, note: Note, normalized: NormalizedText, candidates: list[Candidate], patient: PatientNotes
    ) -> Outcome:
        try:
            result = self._scrub(note.text, normalized, candidates, patient.known, patient.shift_days, note.written_on)
        except AnonymizationError as error:
            return Outcome(note.note_id, None, type(error).__name__)
        left = find_residual(result.text, self._matcher(patient.known))
        if left:
            kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(left.items()))
            return Outcome(note.note_id, None, f"residual: {kinds}")
        return Outcome(note.note_id, result)

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
        spans = to_original(resolve(candidates, normalized), normalized)
        surrogates = Surrogates(self._key, known.person, self._is_taken(matcher))
        replacer = Replacer(self.policy, surrogates, self._part_of(matcher), shift_days, reference)
        config = {"DEFAULT": OperatorConfig(PolicyOperator.NAME, {"replace": replacer})}
        written: list[Span] = []
        scrubbed = ""
        for first, last, inside in _portions(text, spans):
            piece, places = self._replace(text[first:last], inside, first, config)
            for span, (start, end) in zip(inside, places, strict=True):
                place = start + len(scrubbed), end + len(scrubbed)
                written.append(Span(*place, span.entity, span.end - span.start, round(span.score, 2), span.source))
            scrubbed += piece
        counts = Counter(span.entity for span in spans)
        return DeidentifiedText(scrubbed, tuple(written), counts, self.policy.version)

    def _replace(
        self, text: str, spans: list[Candidate], offset: int, config: dict[str, Any]
    ) -> tuple[str, list[tuple[int, int]]]:
        """Return a portion of a text with its spans replaced, and the places of the replacements in it."""
        if not spans:
            return text, []
        finds = [AnonymizerResult(span.entity, span.start - offset, span.end - offset, span.score) for span in spans]
        try:
            anonymized = self._engine().anonymize(text, finds, config, merge_entities_with_spaces=False)
        except Exception as error:
            raise ReplacementError("An identifier could not be replaced. Withhold the note; report its id.") from error
        places = sorted((item.start, item.end) for item in anonymized.items)
        if len(places) != len(spans):
            raise ReplacementError("Fewer identifiers were replaced than found. Withhold the note; report its id.")
        return anonymized.text, places

    def _engine(self) -> Any:
        if self._anonymizer is None:
            self._anonymizer = AnonymizerEngine()
            self._anonymizer.add_anonymizer(PolicyOperator)
        return self._anonymizer

    def _is_taken(self, matcher: KnownMatcher) -> Callable[[str], bool]:
        staff, real = self._detector.staff, self._is_real_name
        return lambda name: matcher.is_known_name(name) or staff.is_known_name(name) or bool(real and real(name))

    def _part_of(self, matcher: KnownMatcher) -> Callable[[str], Part | None]:
        staff = self._detector.staff
        return lambda surface: matcher.aliases.get(surface) or staff.aliases.get(surface)


def _portions(text: str, spans: list[Candidate]) -> Iterator[tuple[int, int, list[Candidate]]]:
    """Cut a text between spans, some hundred spans a portion: replacing in one long string takes quadratic time."""
    first = 0
    for index in range(0, len(spans), _PORTION):
        inside = spans[index : index + _PORTION]
        last = inside[-1].end if index + _PORTION < len(spans) else len(text)
        yield first, last, inside
        first = last
    if not spans:
        yield 0, len(text), []
