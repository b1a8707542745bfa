"""Whole texts: nothing known survives, spans fit the output, the same input gives the same output."""

from __future__ import annotations

import pickle
import time
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anonymization.entities import Entity
from anonymization.errors import PolicyError, RecognitionError
from anonymization.known import KnownIdentifiers, KnownPerson
from anonymization.policy import DeidentificationPolicy
from anonymization.recognizers.base import ScanRecognizer
from anonymization.text import Note, PatientNotes, TextDeidentifier

KNOWN = KnownIdentifiers(
    person="person-1",
    persons=(KnownPerson(name="王建国", sex="M"), KnownPerson(name="李秀英", role="relative", sex="F")),
    values=(
        (Entity.PHONE, "15412345678"),
        (Entity.MEDICAL_RECORD_NUMBER, "12345678"),
        (Entity.ADDRESS, "广东省广州市越秀区橘井路123号"),
    ),
)
NOTE = (
    "姓名：王建国　性别：男　年龄：93岁　出生日期：1932年3月5日　身份证号：11010519491231002X\n"
    "住广东省广州市越秀区橘井路123号，电话154 1234-5678，病案号１２３４５６７８。2026年3月1日入院，其妻李秀英陪同。"
    "身高1.82m，反复咳嗽3月余，既往帕金森病。\n医师签名：程思远 2026-03-02"
)
DAY = date(2026, 3, 2)


@pytest.mark.parametrize("text", ["", " ", "\n\n", "腹软，无压痛，肠鸣音4次/分。", "\x00\ud800", "12.5 mg/L"])
def test_text_without_identifiers_comes_back_unchanged(deidentifier: TextDeidentifier, text: str) -> None:
    result = deidentifier.deidentify(text, KNOWN, -40, DAY)
    assert (result.text, result.spans, dict(result.counts)) == (text, (), {})


@pytest.mark.parametrize(
    "value",
    ["王建国", "李秀英", "程思远", "1234-5678", "１２３４５６７８", "橘井路", "11010519491231002X", "1932", "93岁"],
)
def test_no_identifier_survives(deidentifier: TextDeidentifier, value: str) -> None:
    assert value not in deidentifier.deidentify(NOTE, KNOWN, -40, DAY).text


@pytest.mark.parametrize(
    "kept", ["身高1.82m", "反复咳嗽3月余", "帕金森病", "广东省广州市", "90岁以上", "2026年1月20日", "性别：男"]
)
def test_clinical_content_stays(deidentifier: TextDeidentifier, kept: str) -> None:
    assert kept in deidentifier.deidentify(NOTE, KNOWN, -40, DAY).text


def test_spans_lie_on_their_replacements_and_hold_no_plain_text(deidentifier: TextDeidentifier) -> None:
    result = deidentifier.deidentify(NOTE, KNOWN, -40, DAY)
    tags = {result.text[s.start : s.end] for s in result.spans if s.entity == Entity.RESIDENT_ID}
    assert tags == {"【身份证号】"}
    assert all(result.spans[i].end <= result.spans[i + 1].start for i in range(len(result.spans) - 1))
    assert "王建国" not in repr(result)


def test_a_scrubbed_text_scrubs_to_itself_but_for_its_dates(deidentifier: TextDeidentifier) -> None:
    once = deidentifier.deidentify(NOTE, KNOWN, -40, DAY)
    twice = deidentifier.deidentify(once.text, KNOWN, 1, DAY)
    assert set(twice.counts) <= {"DATE", "PERSON", "ADDRESS"}


def test_the_same_input_gives_the_same_output_in_another_process_image(deidentifier: TextDeidentifier) -> None:
    copy = pickle.loads(pickle.dumps(deidentifier))  # noqa: S301
    assert copy.deidentify(NOTE, KNOWN, -40, DAY) == deidentifier.deidentify(NOTE, KNOWN, -40, DAY)


def test_a_shift_of_zero_days_is_refused(deidentifier: TextDeidentifier) -> None:
    with pytest.raises(PolicyError, match="0 days"):
        deidentifier.deidentify(NOTE, KNOWN, 0, DAY)


def test_a_short_key_is_refused(policy: DeidentificationPolicy) -> None:
    with pytest.raises(PolicyError, match="16 bytes"):
        TextDeidentifier(policy, b"short")


def test_the_key_does_not_show_in_a_repr(deidentifier: TextDeidentifier) -> None:
    assert repr(bytes(range(4)))[2:-1] not in repr(deidentifier)


def test_a_name_found_in_one_note_is_scrubbed_in_the_patients_other_notes(deidentifier: TextDeidentifier) -> None:
    notes = [Note("n1", "联系人：褚云鹤，电话不详"), Note("n2", "今晨褚云鹤来院探视并询问费用")]
    outcomes = list(deidentifier.deidentify_notes(PatientNotes(notes, KnownIdentifiers(person="p"), 9)))
    assert all(outcome.result and "褚云鹤" not in outcome.result.text for outcome in outcomes)


class _Failing(ScanRecognizer):
    ENTITIES = ("FAILING",)

    def scan(self, text: str) -> Any:
        if "故障" in text:
            raise RuntimeError
        return []


def test_a_failing_recognizer_withholds_its_note_alone(policy: DeidentificationPolicy) -> None:
    failing = TextDeidentifier(policy, bytes(32), extra_recognizers=[_Failing()])
    notes = [Note("n1", "故障"), Note("n2", "正常")]
    outcomes = {o.note_id: o for o in failing.deidentify_notes(PatientNotes(notes, KnownIdentifiers(), 9))}
    assert (outcomes["n1"].result, outcomes["n1"].withheld) == (None, "RecognitionError")
    assert outcomes["n2"].result is not None
    with pytest.raises(RecognitionError):
        failing.deidentify("故障", None, 9)


def test_a_long_text_is_scrubbed_throughout(deidentifier: TextDeidentifier) -> None:
    text = "查体：腹软，无压痛。" * 4000 + "电话15412345678。" + "复查血常规。\n" * 4000
    result = deidentifier.deidentify(text, KNOWN, 9, DAY)
    assert dict(result.counts) == {"PHONE": 1}


def test_many_patients_are_scrubbed_one_after_the_other(deidentifier: TextDeidentifier) -> None:
    patients = [
        PatientNotes([Note(f"n{i}", "患者王建国于今日入院")], KnownIdentifiers(person=f"p{i}"), 9) for i in range(3)
    ]
    outcomes = list(deidentifier.deidentify_many(iter(patients)))
    assert [outcome.note_id for outcome in outcomes] == ["n0", "n1", "n2"]
    assert len({outcome.result.text for outcome in outcomes if outcome.result}) == 3


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.text(alphabet="患者因于，。 1a　（x年号·", max_size=8),
    after=st.text(alphabet="入院，。 2b　）y月-·", max_size=8),
    value=st.sampled_from(["王建国", "154 1234 5678", "１５４１２３４５６７８", "橘井路123号"]),
)
def test_output_never_holds_a_known_identifier(
    deidentifier: TextDeidentifier, before: str, after: str, value: str
) -> None:
    joined = value[0].isascii() or value[0] == "１"
    if joined and ((before and before[-1].isalnum() and before[-1].isascii()) or (after and after[0].isascii())):
        return
    note = PatientNotes([Note("n", before + value + after)], KNOWN, 9)
    (outcome,) = deidentifier.deidentify_notes(note)
    assert outcome.result is None or value not in outcome.result.text


@pytest.mark.parametrize("text", [" " * 20_000, "医院" * 3_000, "张·" * 3_000, "3月5日" * 1_500, "姓名:" * 5_000])
def test_repetitive_text_does_not_take_quadratic_time(deidentifier: TextDeidentifier, text: str) -> None:
    started = time.process_time()
    deidentifier.deidentify(text, KNOWN, 9, DAY)
    assert time.process_time() - started < 8
