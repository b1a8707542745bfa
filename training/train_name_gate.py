"""Trains the name gate of `anonymization/model/`: logistic regression over sparse features, on one core in minutes.

    python training/train_name_gate.py --dialogues sample_internal_medicine.csv --jieba jieba/dict.txt

Text: the project's templates (`templates.py`), the even rows of Chinese-medical-dialogue-data (MIT; the odd rows
measure false hits and are never read here), and the words of jieba's dictionary (MIT) as text without names. Names are
made by `name_makers.py` and put into the templates and into the dialogues. Everything is drawn with one seed.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from name_makers import NameMaker, listed_given_names
from templates import TEMPLATES

from anonymization.lexicon.medical_terms import DRUGS, EPONYMS, EVERYDAY, FINDINGS
from anonymization.lexicon.surnames import surname_length
from anonymization.lexicon.traditional import simplified
from anonymization.model.name_gate import candidates, context_features, name_features
from anonymization.normalize import normalize

TARGET = Path(__file__).parents[1] / "anonymization" / "model" / "name_gate.npz"
SEED = 20261122
_PLACES = re.compile(
    r"(?<=[,。;!?])(?=[\u4e00-\u9fff])|(?:患者|病人|医生|大夫|主任|医师|儿子|女儿|丈夫|妻子|母亲|父亲|请|由|与|和|跟|给|让|叫|找|问|向|对|是)"
    r"(?=[\u4e00-\u9fff,。])"
)
_REPLACED = re.compile(r"患者|病人|医生|大夫|我妈妈|我爸爸|我妈|我爸|他|她|您|我")
Example = tuple[list[str], int, float]


def dialogues(path: Path) -> list[str]:
    """Return the even rows' questions and answers, normalised and simplified."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for index, row in enumerate(csv.DictReader(file)) if index % 2 == 0]
    return [simplified(str(normalize(row[column]))) for row in rows for column in ("ask", "answer")]


def pair_levels(texts: list[str], dictionary: Path) -> dict[str, int]:
    """Return how usual two neighbouring characters are (1..9): log of their count in texts and dictionary words."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text[index : index + 2] for index in range(len(text) - 1))
    for line in dictionary.read_text(encoding="utf-8").splitlines():
        word, frequency, kind = line.split(" ")
        if not kind.startswith("nr"):
            for index in range(len(word) - 1):
                counts[word[index : index + 2]] += min(int(frequency), 2000)
    usual = (
        (pair, count) for pair, count in counts.items() if count >= 4 and all("\u3400" <= c <= "\u9fff" for c in pair)
    )
    return {pair: min(9, 1 + int(math.log2(count / 4) / 1.4)) for pair, count in usual}


def filled(maker: NameMaker, draw: random.Random, rounds: int) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Yield the templates with names, and where the names stand."""
    for _ in range(rounds):
        for sentences in TEMPLATES.values():
            for sentence in sentences:
                text, spans = "", []
                for part in re.split(r"(\{[no]\})", sentence):
                    value = maker.name() if part in ("{n}", "{o}") else part
                    if value != part:
                        spans.append((len(text), len(text) + len(value)))
                    text += value
                if draw.random() < 0.3:
                    text = text.rstrip("。!")
                yield text, spans


def planted(texts: list[str], maker: NameMaker, draw: random.Random) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """Yield dialogue texts with a name put in at a place where one could stand."""
    for text in texts:
        spots = [match.end() for match in _PLACES.finditer(text)]
        swaps = [match.span() for match in _REPLACED.finditer(text)]
        for _ in range(5):
            name = maker.name()
            if swaps and (draw.random() < 0.5 or not spots):
                start, end = draw.choice(swaps)
            elif spots:
                start = end = draw.choice(spots)
            else:
                continue
            first, last = max(0, start - 40), min(len(text), end + 40)
            yield text[first:start] + name + text[end:last], [(start - first, start - first + len(name))]


def clinical(draw: random.Random, count: int) -> Iterator[str]:
    """Yield made-up clinical lines without names: findings and drugs in a row, as notes write them."""
    terms = (*FINDINGS, *FINDINGS, *EVERYDAY, *DRUGS, *EPONYMS)
    for _ in range(count):
        lead = draw.choice(
            ["查体:", "予", "继续口服", "双肺", "患者", "诊断:", "改用", "心脏", "给予", "术后予", "既往", ""]
        )
        text = lead
        for _ in range(draw.randint(2, 6)):
            text += draw.choice(terms) + draw.choice(
                [",", "、", ",", "。", "", "(-),", "片 ", "10mg,", "注射液,", "胶囊", "阳性,"]
            )
        yield text


def examples(
    text: str, spans: list[tuple[int, int]], pairs: dict[str, int], keep: float, draw: random.Random
) -> Iterator[Example]:
    """Yield features, label and weight of the candidates of a text; those without a name are thinned to `keep`."""
    truth = set(spans)
    for start, end, family in candidates(text):
        named = (start, end) in truth and surname_length(text, start) == family
        if named or draw.random() < keep:
            names = name_features(text[start:end], family, pairs)
            yield names + context_features(text, start, end, family, pairs), int(named), 1.5 if named else 1.0


class Learner:
    """Logistic regression with AdaGrad and L2 over feature names."""

    def __init__(self, data: list[Example]) -> None:
        counts: Counter[str] = Counter()
        for names, _, _ in data:
            counts.update(names)
        self.names = [name for name, count in counts.items() if count >= 3]
        index = {name: place for place, name in enumerate(self.names)}
        width = len(data[0][0])
        self._rows = np.full((len(data), width), len(self.names), dtype=np.int32)
        for row, (names, _, _) in enumerate(data):
            self._rows[row] = [index.get(name, len(self.names)) for name in names]
        self._labels = np.array([label for _, label, _ in data], dtype=np.float32)
        self._importance = np.array([weight for _, _, weight in data], dtype=np.float32)
        self.weights = np.zeros(len(self.names) + 1, dtype=np.float32)

    def fit(self, epochs: int, seed: int) -> None:
        """Run over the data `epochs` times in an order drawn from the seed."""
        order = np.random.default_rng(seed)
        past = np.full(self.weights.shape, 1e-2, dtype=np.float32)
        for epoch in range(epochs):
            loss = 0.0
            for batch in np.array_split(order.permutation(len(self._labels)), max(1, len(self._labels) // 512)):
                rows = self._rows[batch]
                chance = 1.0 / (1.0 + np.exp(-np.clip(self.weights[rows].sum(axis=1), -30, 30)))
                error = (chance - self._labels[batch]) * self._importance[batch]
                loss += float(-np.log(np.where(self._labels[batch] > 0, chance, 1 - chance) + 1e-9).sum())
                step = np.zeros_like(self.weights)
                np.add.at(step, rows.ravel(), np.repeat(error, rows.shape[1]))
                touched = np.unique(rows)
                change = step[touched] + 3e-3 * len(batch) / 512 * self.weights[touched]
                past[touched] += change**2
                self.weights[touched] -= 0.25 * change / np.sqrt(past[touched])
                self.weights[-1] = 0.0
            print(f"epoch {epoch + 1}: loss {loss / len(self._labels):.4f} over {len(self._labels):,} candidates")


def main() -> None:
    """Train and write name_gate.npz."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dialogues", type=Path, required=True, help="CSV with columns ask and answer")
    parser.add_argument("--jieba", type=Path, required=True, help="dict.txt of jieba 0.42.1")
    parser.add_argument("--epochs", type=int, default=6)
    arguments = parser.parse_args()
    draw = random.Random(SEED)
    texts = dialogues(arguments.dialogues)
    pairs = pair_levels(texts, arguments.jieba)
    maker = NameMaker(draw, listed_given_names(arguments.jieba))
    data: list[Example] = []
    for text, spans in filled(maker, draw, 90):
        data.extend(examples(text, spans, pairs, 0.5, draw))
    for text, spans in planted(texts, maker, draw):
        data.extend(examples(text, spans, pairs, 0.15, draw))
    for text in texts:
        data.extend(examples(text, [], pairs, 0.7, draw))
    for text in clinical(draw, 6000):
        data.extend(examples(text, [], pairs, 0.7, draw))
    for line in arguments.jieba.read_text(encoding="utf-8").splitlines():
        word, _, kind = line.split(" ")
        if not kind.startswith(("nr", "nz")):
            data.extend(examples(word, [], pairs, 0.5, draw))
    learner = Learner(data)
    del data
    learner.fit(arguments.epochs, SEED)
    write(learner, pairs)


def write(learner: Learner, pairs: dict[str, int]) -> None:
    """Write the weights that matter and the pair table."""
    weights = zip(learner.names, learner.weights[:-1].tolist(), strict=True)
    kept = sorted((name, weight) for name, weight in weights if abs(weight) > 0.1)
    ordered = sorted(pairs)
    np.savez_compressed(
        TARGET,
        features=np.frombuffer("\n".join(name for name, _ in kept).encode(), dtype=np.uint8),
        weights=np.array([weight for _, weight in kept], dtype=np.float16),
        pairs=np.frombuffer("".join(ordered).encode(), dtype=np.uint8),
        levels=np.array([pairs[pair] for pair in ordered], dtype=np.uint8),
    )
    print(f"{len(kept):,} weights, {len(ordered):,} pairs, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
