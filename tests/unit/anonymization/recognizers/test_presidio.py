"""Every recognizer works in a stock Presidio engine, on the text as written."""

from __future__ import annotations

import pytest
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NoOpNlpEngine

from anonymization.analyzer import build_analyzer
from anonymization.recognizers import RECOGNIZERS
from anonymization.recognizers.base import Form, FormRecognizer, ScanRecognizer
from anonymization.recognizers.phone import PhoneRecognizer


@pytest.mark.parametrize("recognizer", RECOGNIZERS)
@pytest.mark.parametrize("text", ["", " ", "\x00\ud800\u200b", "1" * 5000, "（）。，\n" * 500, "村" * 3000])
def test_hostile_text_raises_nothing_and_offsets_lie_inside(recognizer: type[ScanRecognizer], text: str) -> None:
    for result in recognizer().analyze(text, []):
        assert 0 <= result.start < result.end <= len(text)


def test_a_recognizer_works_alone_in_a_stock_engine_with_offsets_of_the_written_text() -> None:
    registry = RecognizerRegistry(recognizers=[PhoneRecognizer()], supported_languages=["zh"])
    nlp = NoOpNlpEngine(models=[{"lang_code": "zh", "model_name": "none"}])
    engine = AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=["zh"])
    text = "面积3㎡½，电话１５４１２３４５６７８转"
    results = engine.analyze(text, "zh")
    assert [text[r.start : r.end] for r in results] == ["１５４１２３４５６７８"]


def test_our_engine_needs_no_nlp_model_and_takes_a_further_recognizer() -> None:
    class Extra(FormRecognizer):
        ENTITIES = ("SITE_NUMBER",)
        FORMS = (Form("site", "SITE[0-9]{4}", 0.9),)

    assert "SITE_NUMBER" in build_analyzer("zh", [Extra()]).get_supported_entities("zh")
