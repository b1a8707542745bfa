"""Names in sentences that no training template saw: how many are covered, and what is taken for a name by mistake."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from anonymization.batches import Batch
from anonymization.normalize import normalize
from anonymization.policy import DeidentificationPolicy
from anonymization.recognizers.person import PersonRecognizer
from anonymization.text import TextDeidentifier

sys.path.insert(0, str(Path(__file__).parents[1]))

from names_held_out import CLEAN, CLINICAL, GENERAL, marked

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def recognizer() -> PersonRecognizer:
    return PersonRecognizer()


def covered(recognizer: PersonRecognizer, sentences: tuple[str, ...]) -> float:
    """Return the share of names that are covered to their last character."""
    total = hidden = 0
    for sentence in sentences:
        text, spans = marked(sentence)
        places = {i for found in recognizer.analyze(text, []) for i in range(found.start, found.end)}
        total += len(spans)
        hidden += sum(set(range(start, end)) <= places for start, end in spans)
    assert total >= len(sentences)
    return hidden / total


def test_names_in_clinical_sentences_are_covered(recognizer: PersonRecognizer) -> None:
    assert covered(recognizer, CLINICAL) >= 0.97


def test_names_in_news_posts_and_resumes_are_covered(recognizer: PersonRecognizer) -> None:
    assert covered(recognizer, GENERAL) >= 0.93


def test_the_model_finds_names_that_the_rules_alone_miss(recognizer: PersonRecognizer) -> None:
    assert covered(PersonRecognizer(model=False), CLINICAL) < covered(recognizer, CLINICAL) - 0.2


@pytest.mark.parametrize("text", CLEAN)
def test_findings_drugs_eponyms_and_stages_are_no_names(recognizer: PersonRecognizer, text: str) -> None:
    assert recognizer.analyze(text, []) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("陳美玲醫師說明日複查", "陳美玲"),
        ("請聯絡歐陽建國，謝謝", "歐陽建國"),
        ("母亲秀兰患糖尿病", "秀兰"),
        ("老王昨晚咳嗽", "老王"),
        ("小李护士给他量体温", "小李"),
        ("阿强说头疼", "阿强"),
    ],
)
def test_traditional_characters_nicknames_and_given_names_alone(
    recognizer: PersonRecognizer, text: str, name: str
) -> None:
    assert name in {text[found.start : found.end] for found in recognizer.analyze(text, [])}


def test_the_same_text_gives_the_same_names(recognizer: PersonRecognizer) -> None:
    text = "".join(marked(sentence)[0] for sentence in (*CLINICAL, *GENERAL))
    assert recognizer.analyze(text, []) == recognizer.analyze(text, [])


def test_a_policy_can_leave_the_model_out(policy: DeidentificationPolicy) -> None:
    text = "与晏国富通话,告知血钾2.8mmol/L"
    rules_only = policy.model_copy(update={"name_model": False})
    spans = [TextDeidentifier(each, KEY).detect(text) for each in (policy, rules_only)]
    assert [[text[span.start : span.end] for span in found] for found in spans] == [["晏国富"], []]


def test_a_note_is_judged_alone_in_a_batch(recognizer: PersonRecognizer) -> None:
    notes = [marked(sentence)[0] for sentence in (*CLINICAL, *GENERAL, *CLEAN)]
    alone = [{(found.start, found.end) for found in recognizer.scan(note)} for note in notes]
    batch = Batch([normalize(note) for note in notes])
    together: list[set[tuple[int, int]]] = [set() for _ in notes]
    for found in recognizer.scan(batch.text):
        index, start, end = batch.place(found.start, found.end)
        together[index].add((start, end))
    assert together == alone
