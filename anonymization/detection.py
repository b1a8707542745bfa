"""Finds identifiers in normalised text: the Presidio engine, known identifiers, and names that were found elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from anonymization.analyzer import build_analyzer
from anonymization.entities import Entity
from anonymization.errors import RecognitionError
from anonymization.known import KnownMatcher, KnownPerson
from anonymization.lexicon.surnames import surname_length
from anonymization.normalize import NormalizedText
from anonymization.policy import DeidentificationPolicy
from anonymization.spans import Candidate

_CHUNK: Final = 20_000
_PROPAGATED_SCORE: Final = 0.75
_SURE_SCORE: Final = 0.7
_LEAST_NAME: Final = 3


class Detector:
    """Finds what the policy scrubs. Building one loads Presidio (about 2 s once a process)."""

    def __init__(self, policy: DeidentificationPolicy, staff: Iterable[str] = (), extra: Sequence[Any] = ()) -> None:
        self._policy = policy
        self._analyzer = build_analyzer(policy.language, extra)
        self._entities = [
            entity for entity in self._analyzer.get_supported_entities(policy.language) if policy.scrubs(entity)
        ]
        self.staff = KnownMatcher(KnownPerson(name=name, role="staff") for name in staff)

    def find(self, text: NormalizedText, matcher: KnownMatcher) -> list[Candidate]:
        """Return all finds at or above the policy's thresholds, overlapping ones too.

        Raises RecognitionError when a recognizer fails: the text must then be withheld.
        """
        candidates = [*self._known(text, matcher, "known"), *self._known(text, self.staff, "staff")]
        for offset, chunk in _chunks(text):
            try:
                results = self._analyzer.analyze(chunk, self._policy.language, entities=self._entities)
            except Exception as error:
                raise RecognitionError("A recognizer failed on this text. Withhold the note; report its id.") from error
            for result in results:
                if result.score >= self._policy.threshold(result.entity_type):
                    source = (result.recognition_metadata or {}).get("recognizer_name", "unknown")
                    start, end = result.start + offset, result.end + offset
                    candidates.append(Candidate(str(result.entity_type), start, end, float(result.score), source))
        return candidates

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
