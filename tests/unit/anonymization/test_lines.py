"""JSON lines: whatever a line holds, it gets one answer, in order, that never quotes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymization.lines import LineWorker
from anonymization.policy import DeidentificationPolicy

KEY = bytes(range(32))
NOTE = "患者王建国，电话13812345678，2026年3月5日入院。"


@pytest.fixture(scope="module")
def spans(policy: DeidentificationPolicy) -> LineWorker:
    return LineWorker(policy, None)


@pytest.fixture(scope="module")
def text(policy: DeidentificationPolicy) -> LineWorker:
    return LineWorker(policy, KEY)


def ask(worker: LineWorker, *records: Any) -> list[dict[str, Any]]:
    lines = [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]
    return [json.loads(answer.line) for answer in worker.answers(list(enumerate(lines, start=1)))]


def test_offsets_are_code_points_of_the_text_as_given(spans: LineWorker) -> None:
    note = "😀１３８12345678"
    (answer,) = ask(spans, {"id": "a", "text": f"😀 电话：{note[1:]}。"})
    (span,) = answer["spans"]
    assert (span["type"], span["start"], span["end"]) == ("PHONE", 5, 16)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"", "empty"),
        (b"nonsense", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b'{"text": "\xff"}', "not UTF-8 at byte 10"),
        (b'{"id": 1}', 'no "text"'),
        (b'{"text": 5}', "not a string"),
        (b'{"text": "x", "lang": "fr"}', '"lang"'),
        (b'{"text": "x", "lang": ["zh"]}', '"lang"'),
        (b'{"text": "x", "known": {"NOBODY": ["x"]}}', '"known"'),
        (b'{"text": "x", "known": {"PERSON": "x"}}', '"known"'),
        (b'{"text": "x", "date": "tomorrow"}', '"date"'),
    ],
)
def test_a_bad_line_is_answered_with_its_fault(spans: LineWorker, line: bytes, error: str) -> None:
    (answer,) = spans.answers([(7, line)])
    assert not answer.is_good
    assert error in json.loads(answer.line)["error"]


def test_answers_keep_the_order_and_name_the_line_without_id(spans: LineWorker) -> None:
    answers = ask(spans, {"id": 1, "text": NOTE}, b"x", {"id": 2, "text": "John Smith", "lang": "en"}, {"text": ""})
    assert [(a.get("id"), a.get("line")) for a in answers] == [(1, None), (None, 2), (2, None), (None, 4)]
    assert answers[3]["spans"] == []


def test_an_answer_never_quotes_a_refused_line(spans: LineWorker) -> None:
    (answer,) = spans.answers([(1, '{"text": 王建国}'.encode())])
    assert "王建国" not in answer.line.decode()


def test_unpaired_surrogates_are_answered(text: LineWorker) -> None:
    (answer,) = ask(text, b'{"id": 1, "text": "\\ud800 \xe6\x82\xa3\xe8\x80\x85"}')
    assert answer["text"] == "\ud800 患者"


def test_text_is_the_same_for_the_same_key_and_person(policy: DeidentificationPolicy, text: LineWorker) -> None:
    record = {"id": 1, "text": NOTE, "person": "p1"}
    first, again, other = (
        *ask(text, record),
        *ask(LineWorker(policy, KEY), record),
        *ask(text, record | {"person": "q"}),
    )
    assert first == again
    assert first["text"] != other["text"]
    assert "王建国" not in first["text"]


def test_known_identifiers_are_replaced(text: LineWorker) -> None:
    (answer,) = ask(
        text,
        {"id": 1, "text": "琦琦玥来诊，编号A-778-21。", "known": {"PERSON": ["琦琦玥"], "CERTIFICATE": ["A77821"]}},
    )
    assert "琦琦玥" not in answer["text"]
    assert "778-21" not in answer["text"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=40), st.builds(lambda t: json.dumps({"text": t}).encode(), st.text()))))
def test_every_line_gets_one_answer_of_one_line(spans: LineWorker, lines: list[bytes]) -> None:
    answers = spans.answers(list(enumerate(lines, start=1)))
    assert len(answers) == len(lines)
    for answer in answers:
        assert answer.line.endswith(b"\n")
        assert answer.line.count(b"\n") == 1
        assert json.loads(answer.line)
