"""Finds identifiers in normalised text: the Presidio engine, known identifiers, and names that were found elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from anonymization.analyzer import build_analyzer
from anonymization.batches import Batch, batches
from anonymization.entities import Entity
from anonymization.errors import RecognitionError
from anonymization.known import KnownMatcher, KnownPerson
from anonymization.lexicon.surnames import surname_length
from anonymization.normalize import NormalizedText
from anonymization.policy import DeidentificationPolicy
from anonymization.recognizers import ScanRecognizer, build_recognizers
from anonymization.spans import Candidate
from anonymization.time_limit import Clock, TimeLimitExceededError, allowed_seconds, time_limit

_CHUNK: Final = 20_000
_PROPAGATED_SCORE: Final = 0.75
_SURE_SCORE: Final = 0.7
_LEAST_NAME: Final = 3


class Detector:
    """Finds what the policy scrubs. Building one loads Presidio (about 2 s once a process).

    Recognizers of this package scan the text directly, many notes at once; those of the site (`extra`) run in a
    Presidio engine, note by note, with all that Presidio does around them.
    """

    def __init__(
        self,
        policy: DeidentificationPolicy,
        staff: Iterable[str] = (),
        extra: Sequence[Any] = (),
        base_seconds: float = 10.0,
    ) -> None:
        self._policy = policy
        self._base_seconds = base_seconds
        foreign = [recognizer for recognizer in extra if not isinstance(recognizer, ScanRecognizer)]
        own = [recognizer for recognizer in extra if isinstance(recognizer, ScanRecognizer)]
        self._scanners = [*build_recognizers(policy.language, name_model=policy.name_model), *own]
        self._engine = build_analyzer(policy.language, foreign, with_own=False) if foreign else None
        self._thresholds: dict[str, float] = {}
        self.staff = KnownMatcher(KnownPerson(name=name, role="staff") for name in staff)

    def find(self, texts: Sequence[NormalizedText]) -> list[list[Candidate] | RecognitionError]:
        """Return the finds in each text at or above the policy's thresholds, overlapping ones too.

        They do not depend on any patient. A text on which a recognizer fails, or for which it takes too long, gets the
        error instead: it must be withheld.
        """
        results: list[list[Candidate] | RecognitionError] = []
        for indexes in batches(texts):
            batch = [texts[index] for index in indexes]
            try:
                results.extend(self._batch(batch))
            except RecognitionError as error:
                results.extend([error] if len(batch) == 1 else [self._single(text) for text in batch])
        return results

    def known(self, text: NormalizedText, matcher: KnownMatcher) -> list[Candidate]:
        """Return where the patient's known identifiers and the staff's names stand in a text."""
        sources = ((matcher, "known"), (self.staff, "staff"))
        return [hit for known, name in sources if not known.is_empty for hit in self._known(text, known, name)]

    def _single(self, text: NormalizedText) -> list[Candidate] | RecognitionError:
        try:
            return self._batch([text])[0]
        except RecognitionError as error:
            return error

    def _batch(self, texts: Sequence[NormalizedText]) -> list[list[Candidate]]:
        batch = Batch(texts)
        found: list[list[Candidate]] = [[] for _ in texts]
        try:
            with time_limit(allowed_seconds(len(batch.text), self._base_seconds)) as clock:
                for offset, chunk in _chunks(batch.text):
                    for candidate in self._scan(chunk, clock):
                        index, start, end = batch.place(candidate.start + offset, candidate.end + offset)
                        entity, _, _, score, source, _ = candidate
                        found[index].append(Candidate(entity, start, end, score, source))
                for index, text in enumerate(texts):
                    found[index].extend(self._foreign(text))
        except TimeLimitExceededError as error:
            raise RecognitionError("The text took too long to analyse. Withhold the note; report its id.") from error
        except Exception as error:
            raise RecognitionError("A recognizer failed on this text. Withhold the note; report its id.") from error
        return found

    def _scan(self, text: NormalizedText, clock: Clock) -> Iterator[Candidate]:
        for recognizer in self._scanners:
            for entity, start, end, score, _ in recognizer.scan(text):
                if score >= self._threshold(entity):
                    yield Candidate(entity, start, end, score, recognizer.name)
            clock.check()

    def _foreign(self, text: NormalizedText) -> Iterator[Candidate]:
        if self._engine is None:
            return
        for offset, chunk in _chunks(text):
            for result in self._engine.analyze(chunk, self._policy.language):
                if result.score >= self._threshold(result.entity_type):
                    source = (result.recognition_metadata or {}).get("recognizer_name", "unknown")
                    span = result.start + offset, result.end + offset
                    yield Candidate(str(result.entity_type), *span, float(result.score), source)

    def _threshold(self, entity: str) -> float:
        """Return the least score of an entity type that counts; above 1 when the policy keeps it."""
        held = self._thresholds.get(entity)
        if held is None:
            held = self._policy.threshold(entity) if self._policy.scrubs(entity) else 2.0
            self._thresholds[entity] = held
        return held

    def names(self, text: str, candidates: Iterable[Candidate]) -> set[str]:
        """Return whole names found surely enough to be looked for in the patient's other notes."""
        if not self._policy.propagate_names:
            return set()
        names = set()
        for candidate in candidates:
            name = text[candidate.start : candidate.end]
            is_sure = candidate.entity == Entity.PERSON and candidate.score >= _SURE_SCORE
            if is_sure and len(name) >= _LEAST_NAME and surname_length(name):
                names.add(name)
        return names

    def _known(self, text: str, matcher: KnownMatcher, source: str) -> Iterator[Candidate]:
        for hit in matcher.hits(text):
            if self._policy.scrubs(hit.entity):
                score = 1.0 if hit.whole else 0.9
                yield Candidate(str(hit.entity), hit.start, hit.end, score, source, known=hit.whole)


def propagate(text: str, names: Iterable[str]) -> Iterator[Candidate]:
    """Yield every further place of names that were found elsewhere."""
    for name in names:
        start = text.find(name)
        while start >= 0:
            yield Candidate(Entity.PERSON, start, start + len(name), _PROPAGATED_SCORE, "propagated")
            start = text.find(name, start + 1)


def _chunks(text: NormalizedText) -> Iterator[tuple[int, NormalizedText]]:
    """Cut long texts at line ends or full stops, so that time and memory stay linear."""
    start = 0
    while len(text) - start > _CHUNK:
        cut = max(text.rfind("\n", start, start + _CHUNK), text.rfind("。", start, start + _CHUNK)) + 1
        stop = cut if cut > start + _CHUNK // 2 else start + _CHUNK
        yield start, NormalizedText.of(text[start:stop])
        start = stop
    yield start, text if start == 0 else NormalizedText.of(text[start:])
