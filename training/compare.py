"""Measures names and addresses of the project beside other engines, on the held-out sentences and on real dialogues.

    PYTHONPATH=.:tests/unit/anonymization python training/compare.py --dialogues sample_internal_medicine.csv ours jieba

Engines: ours, rules (ours without the model), lac and cutword (the shipped taggers on every sentence), presidio (as it
comes), jieba (must be installed). Printed: names and addresses covered to their last character, false hits in 10,000
characters of the odd rows of the dialogues (which no training reads; they hold a few real names, counted as false all
the same), and characters a second over them.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import addresses_held_out as addresses
import names_held_out as names
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NoOpNlpEngine

from anonymization.model.tagger import tagger
from anonymization.normalize import normalize
from anonymization.recognizers.address import AddressRecognizer
from anonymization.recognizers.person import PersonRecognizer

Find = Callable[[str], Iterable[tuple[int, int]]]


def own(recognizer: Any) -> Find:
    """Return a recognizer's spans."""
    return lambda text: [(found.start, found.end) for found in recognizer.analyze(text, [])]


def tagged(name: str) -> Find:
    """Return the persons of a shipped tagger, asked about every sentence."""

    def find(text: str) -> Iterable[tuple[int, int]]:
        sentences = list(re.finditer("[^。!?;\n]+[。!?;\n]?", text))
        persons = tagger(name).tag([match.group() for match in sentences])
        return [(a + m.start(), b + m.start()) for m, found in zip(sentences, persons, strict=True) for a, b in found]

    return find


def presidio(entities: tuple[str, ...]) -> Find:
    """Return Presidio's own recognizers for Chinese, without the NLP model that it would download."""
    registry = RecognizerRegistry(supported_languages=["zh"])
    registry.load_predefined_recognizers(languages=["zh"])
    registry.remove_recognizer("SpacyRecognizer")
    nlp = NoOpNlpEngine(models=[{"lang_code": "zh", "model_name": "none"}])
    engine = AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=["zh"])
    return lambda text: [(r.start, r.end) for r in engine.analyze(text, "zh") if r.entity_type in entities]


def jieba(tag: str) -> Find:
    """Return the words that jieba gives a part of speech."""
    posseg = importlib.import_module("jieba.posseg")

    def find(text: str) -> Iterable[tuple[int, int]]:
        place, found = 0, []
        for pair in posseg.cut(text):
            if pair.flag.startswith(tag):
                found.append((place, place + len(pair.word)))
            place += len(pair.word)
        return found

    return find


ENGINES: dict[str, tuple[Callable[[], Find], Callable[[], Find] | None]] = {
    "ours": (lambda: own(PersonRecognizer()), lambda: own(AddressRecognizer())),
    "rules": (lambda: own(PersonRecognizer(model=False)), None),
    "lac": (lambda: tagged("lac"), None),
    "cutword": (lambda: tagged("cutword"), None),
    "presidio": (lambda: presidio(("PERSON",)), lambda: presidio(("LOCATION", "ADDRESS"))),
    "jieba": (lambda: jieba("nr"), lambda: jieba("ns")),
}


def covered(find: Find, texts: Iterable[tuple[str, list[tuple[int, int]]]]) -> str:
    """Return "covered/all" of the marked spans."""
    total = hidden = 0
    for text, spans in texts:
        places = {place for start, end in find(text) for place in range(start, end)}
        total += len(spans)
        hidden += sum(places.issuperset(range(start, end)) for start, end in spans)
    return f"{hidden}/{total}"


def false_hits(find: Find, texts: list[str]) -> str:
    """Return finds in 10,000 characters, and the speed."""
    characters, started = sum(map(len, texts)), time.process_time()
    hits = sum(len(list(find(text))) for text in texts)
    seconds = time.process_time() - started
    return f"{hits / characters * 10_000:.2f} / 10,000 at {characters / seconds:,.0f} characters/s"


def main() -> None:
    """Print a few lines an engine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dialogues", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("engines", nargs="+", choices=sorted(ENGINES))
    arguments = parser.parse_args()
    with arguments.dialogues.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[1::2][: arguments.rows]
    texts = [str(normalize(row[column])) for row in rows for column in ("ask", "answer")]
    carried = [
        (c.format(a), [(c.index("{"), c.index("{") + len(a))]) for c in addresses.CARRIERS for a in addresses.ADDRESSES
    ]
    for engine in arguments.engines:
        person, address = ENGINES[engine][0](), ENGINES[engine][1]
        clinical, general = (covered(person, map(names.marked, group)) for group in (names.CLINICAL, names.GENERAL))
        print(f"{engine}: names clinical {clinical}, general {general}, false {false_hits(person, texts)}", flush=True)
        if address is not None:
            find = address()
            print(f"{engine}: addresses {covered(find, carried)}, false {false_hits(find, texts)}", flush=True)


if __name__ == "__main__":
    main()
