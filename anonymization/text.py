"""Scrubs clinical text: recognizers + known identifiers + same-name propagation, then the policy's replacements.

    deidentifier = TextDeidentifier(policy, key, staff=staff_names)
    scrubbed = deidentifier.deidentify(text, known, shift_days=-41, reference_date=date(2026, 3, 5))

An instance is configuration: it can be pickled and sent to a worker, where the Presidio engine is built on first use.
Texts seen before are remembered by a keyed hash (`cache`), in bounded memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from presidio_anonymizer.operators import Operator as PresidioOperator

from anonymization.batches import BATCH_CHARACTERS, BETWEEN
from anonymization.cache import ContentCache, content_hash
from anonymization.detection import Detector, propagate
from anonymization.entities import Entity
from anonymization.errors import AnonymizationError, PolicyError, ReplacementError, UnreadableTextError
from anonymization.finder import Finder, FoundTexts
from anonymization.known import KnownIdentifiers, KnownMatcher, Part
from anonymization.normalize import NormalizedText, normalize
from anonymization.notes import DeidentifiedText, Note, Outcome, PatientNotes, Span
from anonymization.policy import DeidentificationPolicy, Operator
from anonymization.replace import PolicyOperator, Replacer
from anonymization.residual import find_residual
from anonymization.spans import Candidate, resolve, to_original
from anonymization.surrogates import Surrogates

__all__ = ["DeidentifiedText", "Note", "Outcome", "PatientNotes", "Span", "TextDeidentifier"]

_LEAST_KEY_BYTES: Final = 16
_CACHE_BYTES: Final = 64 * 1024 * 1024


class TextDeidentifier:
    """Scrubs texts after one policy with one secret key. Nothing is shared between instances.

    `staff` are names that may stand in any note. `is_real_name` is asked of every surrogate name. `extra_recognizers`
    are further Presidio recognizers of the site; `operators` are Presidio operators by entity type that take the place
    of the policy's. Each of the two caches takes up to `cache_bytes`; 0 turns them off. A text may take `base_seconds`
    and a second more per 10,000 characters, else it is withheld. Raises PolicyError when the key is shorter than 16
    bytes.
    """

    def __init__(
        self,
        policy: DeidentificationPolicy,
        key: bytes,
        *,
        staff: Iterable[str] = (),
        is_real_name: Callable[[str], bool] | None = None,
        extra_recognizers: Sequence[Any] = (),
        operators: Mapping[str, PresidioOperator] | None = None,
        cache_bytes: int = _CACHE_BYTES,
        base_seconds: float = 10.0,
    ) -> None:
        if len(key) < _LEAST_KEY_BYTES:
            raise PolicyError("The surrogate key is shorter than 16 bytes. Pass a secret key from the key store.")
        self.policy = policy
        self._key = key
        self._staff = tuple(sorted(set(staff)))
        self._is_real_name = is_real_name
        self._extra = tuple(extra_recognizers)
        self._operators = dict(operators or {})
        self._cache_bytes = cache_bytes
        self._base_seconds = base_seconds
        self._start_up()

    def __repr__(self) -> str:
        return f"TextDeidentifier(policy={self.policy.version}, staff={len(self._staff)})"

    def __getstate__(self) -> dict[str, Any]:
        left = {"_built", "_last_known", "_outcomes", "_operator"}
        return {name: value for name, value in self.__dict__.items() if name not in left}

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
        date of the note. Raises PolicyError, UnreadableTextError, RecognitionError or ReplacementError; then the note
        must be withheld.
        """
        known = known or KnownIdentifiers()
        self._check_shift(shift_days)
        normalized = normalize(text)
        candidates = self._candidates(text, normalized, known)
        matcher = self._matcher(known)
        surrogates = Surrogates(self._key, known.person, self._is_taken(matcher))
        replacer = self._replacer(matcher, surrogates, shift_days, reference_date)
        return self._scrub(text, normalized, candidates, replacer)

    def deidentify_notes(self, patient: PatientNotes) -> Iterator[Outcome]:
        """Scrub all notes of one patient: a name found in one is looked for in all. Failures withhold their note alone.

        Each output is searched again for what is known and for valid numbers; a hit withholds the note.
        """
        yield from self._patient(patient, *self._finder.find([note.text for note in patient.notes]))

    def deidentify_many(self, patients: Iterable[PatientNotes]) -> Iterator[Outcome]:
        """Scrub the notes of many patients, some at a time, so that short notes are analysed together."""
        for group in _groups(patients):
            found = self._finder.find([note.text for patient in group for note in patient.notes])
            for patient in group:
                yield from self._patient(patient, *found)

    def detect(self, text: str, known: KnownIdentifiers | None = None) -> list[Candidate]:
        """Return resolved spans with offsets in the text as given, without changing anything (for evaluation)."""
        normalized = normalize(text)
        candidates = self._candidates(text, normalized, known or KnownIdentifiers())
        return to_original(resolve(candidates, normalized), normalized)

    def detect_many(
        self, texts: Sequence[str], known: Sequence[KnownIdentifiers]
    ) -> Iterator[list[Candidate] | AnonymizationError]:
        """Return for each text what `detect` does, short texts analysed together; an error in place of a failed one."""
        found, folded = self._finder.find(texts)
        for text, one in zip(texts, known, strict=True):
            key = content_hash(text)
            seen = found[key]
            if isinstance(seen, AnonymizationError):
                yield seen
                continue
            normalized = folded[key] if key in folded else normalize(text)
            candidates = [*self._detector.known(normalized, self._matcher(one)), *seen[0]]
            names = seen[1] | self._detector.names(normalized, candidates)
            yield to_original(resolve([*candidates, *propagate(normalized, names)], normalized), normalized)

    def _start_up(self) -> None:
        self._built: Finder | None = None
        self._operator = PolicyOperator()
        self._last_known: tuple[KnownIdentifiers, KnownMatcher] | None = None
        self._outcomes: ContentCache[Outcome] = ContentCache(self._cache_bytes)

    @property
    def _finder(self) -> Finder:
        if self._built is None:
            detector = Detector(self.policy, self._staff, self._extra, self._base_seconds)
            self._built = Finder(detector, self._cache_bytes)
        return self._built

    @property
    def _detector(self) -> Detector:
        return self._finder.detector

    def _matcher(self, known: KnownIdentifiers) -> KnownMatcher:
        if self._last_known is None or self._last_known[0] != known:
            self._last_known = known, KnownMatcher.of(known)
        return self._last_known[1]

    def _check_shift(self, shift_days: int) -> None:
        if shift_days == 0 and self.policy.operator(Entity.DATE) is Operator.SHIFT:
            raise PolicyError("The date shift of this person is 0 days: real dates would stay. Derive another shift.")

    def _candidates(self, text: str, normalized: NormalizedText, known: KnownIdentifiers) -> list[Candidate]:
        """Return all finds in one text; raises RecognitionError or UnreadableTextError."""
        (seen,) = self._finder.find([text])[0].values()
        if isinstance(seen, AnonymizationError):
            raise seen
        found, names = seen
        return [*self._detector.known(normalized, self._matcher(known)), *found, *propagate(normalized, names)]

    def _patient(
        self, patient: PatientNotes, found: FoundTexts, normalized: Mapping[bytes, NormalizedText]
    ) -> Iterator[Outcome]:
        matcher = self._matcher(patient.known)
        keys = [content_hash(note.text) for note in patient.notes]
        surrogates = Surrogates(self._key, patient.known.person, self._is_taken(matcher))
        names: set[str] = set()
        for key in keys:
            seen = found[key]
            names |= seen[1] if isinstance(seen, tuple) else frozenset()
        context = content_hash(f"{patient.known.model_dump_json()}|{patient.shift_days}|{sorted(names)}")
        for note, key in zip(patient.notes, keys, strict=True):
            seen = found[key]
            if isinstance(seen, AnonymizationError):
                yield Outcome(note.note_id, None, _reason(seen))
                continue
            place = key + context + str(note.written_on).encode()
            held = self._outcomes.get(place)
            if held is None:
                text = normalized[key] if key in normalized else normalize(note.text)
                candidates = [*self._detector.known(text, matcher), *seen[0], *propagate(text, names)]
                replacer = self._replacer(matcher, surrogates, patient.shift_days, note.written_on)
                held = self._finish(note, text, candidates, replacer, matcher)
                weight = 300 + (4 * len(note.text) + 200 * len(held.result.spans) if held.result else 0)
                self._outcomes.put(place, held, weight)
            yield Outcome(note.note_id, held.result, held.withheld)

    def _finish(
        self,
        note: Note,
        normalized: NormalizedText,
        candidates: list[Candidate],
        replacer: Replacer,
        matcher: KnownMatcher,
    ) -> Outcome:
        try:
            self._check_shift(replacer.shift_days)
            result = self._scrub(note.text, normalized, candidates, replacer)
        except AnonymizationError as error:
            return Outcome(note.note_id, None, _reason(error))
        left = find_residual(result.text, matcher)
        if left:
            kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(left.items()))
            return Outcome(note.note_id, None, f"residual: {kinds}")
        return Outcome(note.note_id, result)

    def _replacer(
        self, matcher: KnownMatcher, surrogates: Surrogates, shift_days: int, reference: date | None
    ) -> Replacer:
        return Replacer(self.policy, surrogates, self._part_of(matcher), shift_days, reference)

    def _scrub(
        self, text: str, normalized: NormalizedText, candidates: list[Candidate], replacer: Replacer
    ) -> DeidentifiedText:
        spans = to_original(resolve(candidates, normalized), normalized)
        pieces: list[str] = []
        written: list[Span] = []
        position = place = 0
        for span in spans:
            replaced = self._replace(span.entity, text[span.start : span.end], replacer)
            pieces += text[position : span.start], replaced
            place += span.start - position
            end = place + len(replaced)
            written.append(Span(place, end, span.entity, span.end - span.start, round(span.score, 2), span.source))
            position, place = span.end, end
        pieces.append(text[position:])
        counts = Counter(span.entity for span in spans)
        return DeidentifiedText("".join(pieces), tuple(written), counts, self.policy.version)

    def _replace(self, entity: str, surface: str, replacer: Replacer) -> str:
        operator = self._operators.get(entity, self._operator)
        try:
            replaced: str = operator.operate(surface, {"replace": replacer, "entity_type": entity})
        except Exception as error:
            raise ReplacementError("An identifier could not be replaced. Withhold the note; report its id.") from error
        return replaced

    def _is_taken(self, matcher: KnownMatcher) -> Callable[[str], bool]:
        staff, real = self._detector.staff, self._is_real_name
        return lambda name: matcher.is_known_name(name) or staff.is_known_name(name) or bool(real and real(name))

    def _part_of(self, matcher: KnownMatcher) -> Callable[[str], Part | None]:
        staff = self._detector.staff
        return lambda surface: matcher.aliases.get(surface) or staff.aliases.get(surface)


def _reason(error: AnonymizationError) -> str:
    return f"unreadable: {error.reason}" if isinstance(error, UnreadableTextError) else type(error).__name__


def _groups(patients: Iterable[PatientNotes]) -> Iterator[list[PatientNotes]]:
    """Gather patients as long as all of their notes go into one batch."""
    group: list[PatientNotes] = []
    size = 0
    for patient in patients:
        added = sum(len(note.text) + len(BETWEEN) for note in patient.notes)
        if group and size + added > BATCH_CHARACTERS:
            yield group
            group, size = [], 0
        group.append(patient)
        size += added
    if group:
        yield group
