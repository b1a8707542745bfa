"""Trains the English model on generated text.

    python train.py [texts, default 40000] [seed, default 7]

Writes anonymization/english/data/english.crfsuite (about 3 minutes on one core). The same arguments and package
versions give the same training text.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import pycrfsuite
from generate import generate

from anonymization.english.features import features, tokens
from anonymization.english.tagger import MODEL

_HIDDEN_SHARE = 0.25


def main() -> None:
    """Generate, train, write."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    trainer = pycrfsuite.Trainer(verbose=False)
    chance = random.Random(seed)
    for text, spans in generate(count, seed):
        places = tokens(text)
        if places:
            words = [text[start:end] for start, end in places]
            hide = {word for word in words if word[0].isupper() and chance.random() < _HIDDEN_SHARE}
            trainer.append(features(words, hide.__contains__), labels(places, spans))
    trainer.set_params(
        {"c1": 0.05, "c2": 0.02, "max_iterations": 120, "feature.minfreq": 3, "feature.possible_transitions": True}
    )
    trainer.train(str(MODEL))


def labels(places: list[tuple[int, int]], spans: list[tuple[int, int, str]]) -> list[str]:
    """Return the BIO label of each token."""
    marks: dict[int, tuple[int, str]] = {}
    for start, end, label in spans:
        for position in range(start, end):
            marks[position] = (start, label)
    result = []
    previous: tuple[int, str] | None = None
    for start, _ in places:
        mark = marks.get(start)
        result.append("O" if mark is None else f"{'I' if mark == previous else 'B'}-{mark[1]}")
        previous = mark
    return result


if __name__ == "__main__":
    main()
