"""Finds in many texts what does not depend on a patient: each text once, and none that was seen before."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from anonymization.cache import ContentCache, content_hash
from anonymization.detection import Detector
from anonymization.errors import AnonymizationError, UnreadableTextError
from anonymization.normalize import NormalizedText, normalize
from anonymization.readable import require_readable
from anonymization.spans import Candidate

Seen = tuple[tuple[Candidate, ...], frozenset[str]]
"""What was found in a text, and the names in it that are sure enough to be looked for in other notes."""
FoundTexts = dict[bytes, Seen | AnonymizationError]
"""By content hash: what was found, or why nothing could be."""
_ENTRY_BYTES: Final = 200
_CANDIDATE_BYTES: Final = 150
_NAME_BYTES: Final = 80


class Finder:
    """A detector with a memory of the texts it has read, by keyed hash, of up to `cache_bytes`."""

    def __init__(self, detector: Detector, cache_bytes: int) -> None:
        self.detector = detector
        self._seen: ContentCache[Seen] = ContentCache(cache_bytes)

    def find(self, texts: Iterable[str]) -> tuple[FoundTexts, dict[bytes, NormalizedText]]:
        """Return the finds by content hash, and the texts not seen before in normalised form, by hash too."""
        found: FoundTexts = {}
        fresh: dict[bytes, NormalizedText] = {}
        for text in texts:
            key = content_hash(text)
            if key in found or key in fresh:
                continue
            seen = self._seen.get(key)
            if seen is not None:
                found[key] = seen
                continue
            try:
                require_readable(text)
                fresh[key] = normalize(text)
            except UnreadableTextError as error:
                found[key] = error
        results = self.detector.find(list(fresh.values())) if fresh else []
        for (key, normalized), result in zip(fresh.items(), results, strict=True):
            found[key] = result if isinstance(result, AnonymizationError) else self._remember(key, normalized, result)
        return found, fresh

    def _remember(self, key: bytes, text: NormalizedText, candidates: list[Candidate]) -> Seen:
        names = frozenset(self.detector.names(text, candidates))
        seen = tuple(candidates), names
        self._seen.put(key, seen, _ENTRY_BYTES + _CANDIDATE_BYTES * len(candidates) + _NAME_BYTES * len(names))
        return seen
