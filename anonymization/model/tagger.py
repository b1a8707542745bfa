"""Runs one sequence tagger: characters → emissions (ONNX) → best tag path (CRF) → persons.

A tagger is two files of this package: NAME.onnx, and NAME.npz with its characters, tags and CRF scores. The result is a
pure function of the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import resources
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonymization.cache import ContentCache, content_hash
from anonymization.errors import ModelError
from anonymization.model.network import open_network

_LONGEST: Final = 200
_BATCH: Final = 16
_SEEN_BYTES: Final = 8 * 1024 * 1024
_ENTRY_BYTES: Final = 100
_FORBIDDEN: Final = -1000.0
"""Transitions below this are never taken."""


class Tagged(NamedTuple):
    """One person in a sentence: half-open span."""

    start: int
    end: int


class Tagger:
    """One loaded tagger. Raises ModelError when its files are missing, damaged, or do not fit together."""

    def __init__(self, name: str) -> None:
        folder = resources.files("anonymization.model")
        try:
            with resources.as_file(folder / f"{name}.npz") as path, np.load(path, allow_pickle=False) as table:
                self._transitions: NDArray[np.float32] = table["transitions"]
                self._start: NDArray[np.float32] = table["start"]
                self._end: NDArray[np.float32] = table["end"]
                tags = [str(tag) for tag in table["tags"]]
                codes = zip(table["characters"].tolist(), table["codes"].tolist(), strict=True)
                self._codes: dict[str, int] = {chr(character): code for character, code in codes}
            self._network = open_network(name)
        except Exception as error:
            raise ModelError(
                f"Model {name} of anonymization/model cannot be loaded. Reinstall the package, or make the model anew "
                "with training/convert_taggers.py."
            ) from error
        if self._network.get_outputs()[0].shape[-1] != len(tags):
            raise ModelError(f"Model {name}: its network and its tag table differ in size. Reinstall the package.")
        self._parts = [_split(tag) for tag in tags]
        allowed = self._transitions[self._transitions > _FORBIDDEN]
        self._slack = 3.0 * float(np.ptp(allowed))
        self._seen: ContentCache[list[Tagged]] = ContentCache(_SEEN_BYTES)
        self._persons = [index for index, (_, is_person) in enumerate(self._parts) if is_person]

    def tag(self, sentences: Sequence[str]) -> list[list[Tagged]]:
        """Return the persons of each sentence; what is longer than 200 characters is read in pieces.

        Sentences of templates come again and again: what was found in them is remembered by a keyed hash.
        """
        keys = [content_hash(sentence) for sentence in sentences]
        found = {key: self._seen.get(key) for key in keys}
        fresh = {key: sentence for key, sentence in zip(keys, sentences, strict=True) if found[key] is None}
        for key, persons in zip(fresh, self._read(list(fresh.values())), strict=True):
            found[key] = persons
            self._seen.put(key, persons, _ENTRY_BYTES * (2 + len(persons)))
        return [list(found[key] or ()) for key in keys]

    def _read(self, sentences: Sequence[str]) -> list[list[Tagged]]:
        pieces = [
            (index, offset, sentence[offset : offset + _LONGEST])
            for index, sentence in enumerate(sentences)
            for offset in range(0, len(sentence), _LONGEST)
        ]
        results: list[list[Tagged]] = [[] for _ in sentences]
        pieces.sort(key=lambda piece: (len(piece[2]), piece))
        for first in range(0, len(pieces), _BATCH):
            batch = pieces[first : first + _BATCH]
            for (index, offset, _), path in zip(batch, self._paths([piece[2] for piece in batch]), strict=True):
                results[index].extend(Tagged(start + offset, end + offset) for start, end in self._persons_of(path))
        return [sorted(result) for result in results]

    def _paths(self, sentences: Sequence[str]) -> list[list[int]]:
        lengths = np.array([len(sentence) for sentence in sentences], dtype=np.int32)
        ids = np.zeros((int(lengths.max()), len(sentences)), dtype=np.int64)
        lookup = self._codes.get
        for column, sentence in enumerate(sentences):
            ids[: len(sentence), column] = [lookup(character, 0) for character in sentence]
        emissions = self._network.run(None, {"ids": ids, "lengths": lengths})[0]
        # Transitions cannot lift a person's tag that is farther behind everywhere: such a sentence is not decoded.
        lead = emissions[:, :, self._persons].max(axis=2) - emissions.max(axis=2)
        lead[np.arange(len(lead))[:, None] >= lengths] = -np.inf
        hopeful = np.flatnonzero(lead.max(axis=0) > -self._slack)
        paths: list[list[int]] = [[] for _ in sentences]
        if len(hopeful):
            longest = int(lengths[hopeful].max())
            for column, path in zip(
                hopeful.tolist(), self._best(emissions[:longest, hopeful], lengths[hopeful]), strict=True
            ):
                paths[column] = path
        return paths

    def _best(self, emissions: NDArray[np.float32], lengths: NDArray[np.int32]) -> list[list[int]]:
        """Viterbi over a batch: emissions [time, batch, tags], the shortest sentence first.

        Scores are kept, not back pointers: the best predecessor is asked again only for the tags of the paths. At each
        step only the sentences that go on are looked at, as a table [tag before, sentence, tag].
        """
        steps, batch, size = emissions.shape
        scores = emissions.copy()
        scores[0] += self._start
        transitions = self._transitions[:, None, :]
        reached = np.empty((size, batch, size), np.float32)
        ended = np.searchsorted(lengths, np.arange(steps), side="right").tolist()
        for step in range(1, steps):
            going = slice(ended[step], batch)
            np.add(scores[step - 1, going].T[:, :, None], transitions, out=reached[:, going])
            scores[step, going] += reached[:, going].max(axis=0)
        columns = np.arange(batch)
        tags = (scores[lengths - 1, columns] + self._end).argmax(axis=1)
        paths = np.empty((steps, batch), np.intp)
        for step in range(steps - 1, -1, -1):
            if step < steps - 1:
                before = (scores[step] + self._transitions.T[tags]).argmax(axis=1)
                tags = np.where(lengths - 1 > step, before, tags)
            paths[step] = tags
        return [paths[:length, column].tolist() for column, length in enumerate(lengths.tolist())]

    def _persons_of(self, path: Sequence[int]) -> Iterator[Tagged]:
        start: int | None = None
        for position, tag in enumerate(path):
            begins, is_person = self._parts[tag]
            if start is not None and (begins or not is_person):
                yield Tagged(start, position)
                start = None
            if is_person and start is None:
                start = position
        if start is not None:
            yield Tagged(start, len(path))


_PERSONS: Final = ("PER", "nr", "PERSON")


def _split(tag: str) -> tuple[bool, bool]:
    """Tell of PER-B, nr-I, B_PERSON, O … whether it begins an entity, and whether that is a person."""
    if "_" in tag:
        place, _, kind = tag.partition("_")
    else:
        kind, _, place = tag.partition("-")
    return place in ("B", "S"), kind in _PERSONS


@lru_cache(maxsize=4)
def tagger(name: str) -> Tagger:
    """Return a tagger, loaded once a process ("lac" or "cutword")."""
    return Tagger(name)
