"""The name screen: a small convolutional network that says which sentences the taggers have to read.

It is trained by `training/train_name_screen.py` on what the two taggers find. It reads some ten times as fast as they
do and errs towards asking them: its word alone makes nothing a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anonymization.errors import ModelError
from anonymization.model.network import open_network

_GAP: Final = 7
"""Characters on each side that an answer depends on: with so many zeros around each text, none sees another."""
_PORTION: Final = 8192
_BEYOND: Final = 0xFFFF
_UNKNOWN: Final = 1
_FIRST: Final = 2


class NameScreen:
    """The loaded screen. Raises ModelError when its files are missing, damaged, or do not fit together."""

    def __init__(self) -> None:
        folder = resources.files("anonymization.model")
        try:
            with resources.as_file(folder / "name_screen.npz") as path, np.load(path, allow_pickle=False) as table:
                characters = table["characters"]
            self._codes = np.full(_BEYOND + 1, _UNKNOWN, np.int64)
            self._codes[characters[characters < _BEYOND]] = _FIRST + np.flatnonzero(characters < _BEYOND)
            self._network = open_network("name_screen")
            self.odds(["".join(map(chr, characters))])
        except Exception as error:
            raise ModelError(
                "Model name_screen of anonymization/model cannot be loaded. Reinstall the package, or make the model "
                "anew with training/train_name_screen.py."
            ) from error

    def odds(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        """Return for each normalised, simplified text the log odds of a person at each of its characters.

        They depend on the text alone, not on those beside it.
        """
        found: list[NDArray[np.float32]] = []
        first, size = 0, 0
        for index, text in enumerate(texts):
            size += len(text) + _GAP
            if size >= _PORTION or index == len(texts) - 1:
                found.extend(self._read(texts[first : index + 1]))
                first, size = index + 1, 0
        return found

    def _read(self, texts: Sequence[str]) -> list[NDArray[np.float32]]:
        gap = "\0" * _GAP
        joined = gap.join(["", *texts, ""])
        points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
        ids = np.where(points == 0, 0, self._codes[np.minimum(points, _BEYOND)])
        odds = self._network.run(None, {"ids": ids[None]})[0][0, 0]
        found: list[NDArray[np.float32]] = []
        start = _GAP
        for text in texts:
            found.append(odds[start : start + len(text)])
            start += len(text) + _GAP
        return found


@lru_cache(maxsize=1)
def name_screen() -> NameScreen:
    """Return the screen, loaded once a process."""
    return NameScreen()
