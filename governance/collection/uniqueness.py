"""Primary keys seen in a file, in bounded memory, whatever the file's size.

Keys are kept as 64-bit hashes in sorted runs, merged as they grow (log-structured); runs of more than a million keys
live in unlinked temporary files that the operating system may page out. The chance that two different keys of a
file share a hash is n²/2⁶⁵ (10 million rows: 3 in a million), and such a row is quarantined, not lost.
"""

from __future__ import annotations

import tempfile

import numpy as np
import polars as pl

_IN_MEMORY = 1 << 20


class SeenKeys:
    """Remembers the primary keys of one file."""

    def __init__(self) -> None:
        self._runs: list[np.ndarray] = []

    def doubled(self, keys: pl.DataFrame) -> np.ndarray:
        """Which rows carry a key that an earlier row of the file has; remembers all keys given.

        Args:
            keys: the primary key's columns as strings. Rows with a null are never called doubled.
        """
        if keys.height == 0:
            return np.zeros(0, bool)
        complete = keys.select(pl.all_horizontal(pl.all().is_not_null())).to_series().to_numpy()
        hashes = keys.hash_rows(seed=7_210).to_numpy()[complete]
        ordered = np.sort(hashes)
        repeats = ordered[1:] == ordered[:-1]
        broken = np.append(False, repeats)[: len(ordered)]
        for run in self._runs:
            places = np.searchsorted(run, ordered)
            places[places == len(run)] = len(run) - 1
            broken |= run[places] == ordered
        if len(ordered):
            self._add(ordered[np.append(True, ~repeats)])
        doubled = np.zeros(keys.height, bool)
        if broken.any():
            order = np.argsort(hashes, kind="stable")  # of equal keys the first row stands first
            rows = np.flatnonzero(complete)[order]
            doubled[rows[broken]] = True
        return doubled

    def _add(self, run: np.ndarray) -> None:
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            merged = np.concatenate([self._runs.pop(), run])
            merged.sort(kind="stable")
            run = merged
        if len(run) > _IN_MEMORY:
            with tempfile.TemporaryFile() as file:
                stored = np.memmap(file, dtype=run.dtype, mode="w+", shape=run.shape)
                stored[:] = run
                stored.flush()
            run = stored
        self._runs.append(run)
