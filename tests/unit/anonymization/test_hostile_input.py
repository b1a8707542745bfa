"""Bad input: never a crash, never a silent pass-through; what cannot be analysed is withheld with its reason."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anonymization.entities import Entity
from anonymization.known import KnownIdentifiers, KnownPerson
from anonymization.normalize import normalize
from anonymization.policy import DeidentificationPolicy
from anonymization.recognizers.base import Finding, ScanRecognizer
from anonymization.text import Note, Outcome, PatientNotes, TextDeidentifier

KNOWN = KnownIdentifiers(
    person="p",
    persons=(KnownPerson(name="王建国", sex="M"),),
    values=((Entity.PHONE, "15412345678"), (Entity.MEDICAL_RECORD_NUMBER, "12345678")),
)


def outcome_of(deidentifier: TextDeidentifier, text: str) -> Outcome:
    (outcome,) = deidentifier.deidentify_notes(PatientNotes([Note("n", text)], KNOWN, -9))
    return outcome


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (r"{\rtf1\ansi\ansicpg936 \'cd\'f5\'bd\'a8\'b9\'fa}", "unreadable: RTF"),
        ("患者王建国入院，反复咳嗽三月，予对症治疗".encode().decode("gbk", "replace"), "unreadable: wrong encoding"),
        ("患者王建国入院，反复咳嗽三月".encode("gbk").decode("latin-1"), "unreadable: wrong encoding"),
        ("患者王建国入院，反复咳嗽三月".encode().decode("cp1252", "replace"), "unreadable"),
        ("患者入院锟斤拷锟斤拷", "unreadable: wrong encoding"),
        ("\ufffd\ufffd\ufffd\ufffd入院\ufffd\ufffd", "unreadable: characters lost in decoding"),
        ("\x00P\x00a\x00t\x00i\x00e\x00n\x00t", "unreadable: characters lost in decoding"),
        ("x" * 16_000_001, "unreadable: more than 16000000 characters"),
    ],
)
def test_what_cannot_be_analysed_is_withheld_with_its_reason(
    deidentifier: TextDeidentifier, text: str, reason: str
) -> None:
    outcome = outcome_of(deidentifier, text)
    assert outcome.result is None
    assert (outcome.withheld or "").startswith(reason)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "患者王建国\x00，电话154\x071234\x085678",
        "患者王建国\ud83d，电话15412345678\udc00",
        "<p>患者<b>王建</b>国</p><br/>电话&nbsp;154&#49;2345678",
        "&#29579;&#24314;&#22269;",
        "&#x738B;&#x5EFA;&#x56FD;",
        '<img alt="王建国" src="a.png">',
        "|姓名|王建国|电话|15412345678|\n|---|---|---|---|",
        "姓名\t王建国\t15412345678\r\n",
        "王\u200b建\u200d国",
        "1" * 5000,
        "15412345678" * 50 + " 15412345678",
        "\u202e王建国\u202c",
        "(" * 3000 + "王建国" + ")" * 3000,
    ],
)
def test_odd_text_is_scrubbed_or_withheld(deidentifier: TextDeidentifier, text: str) -> None:
    result = outcome_of(deidentifier, text).result
    left = str(normalize(result.text)) if result else ""
    assert "王建国" not in left
    assert " 15412345678" not in left


def test_five_million_characters_are_scrubbed(deidentifier: TextDeidentifier) -> None:
    text = "查体：腹软，无压痛，肠鸣音4次/分。予头孢曲松2.0g静滴。\n" * 140_000 + "电话15412345678"
    outcome = outcome_of(deidentifier, text)
    assert outcome.result is not None
    assert "15412345678" not in outcome.result.text[-200:]


@pytest.fixture(scope="module")
def without_cache(policy: DeidentificationPolicy) -> TextDeidentifier:
    return TextDeidentifier(policy, bytes(range(32)), staff=["程思远", "禤旻"], cache_bytes=0)


class _Slow(ScanRecognizer):
    ENTITIES = ("SLOW",)

    def scan(self, text: str) -> Iterator[Finding]:
        if "慢" in text:
            time.sleep(0.5)
        yield from ()


@pytest.mark.parametrize("in_thread", [False, True])
def test_a_recognizer_that_takes_too_long_withholds_its_note_alone(
    policy: DeidentificationPolicy, in_thread: bool
) -> None:
    slow = TextDeidentifier(policy, bytes(32), extra_recognizers=[_Slow()], base_seconds=0.3)
    slow.detect("预热")
    outcomes: list[Outcome] = []

    def run() -> None:
        notes = [Note("n1", "很慢"), Note("n2", "正常")]
        outcomes.extend(slow.deidentify_notes(PatientNotes(notes, KNOWN, 9)))

    if in_thread:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    else:
        run()
    assert [(o.note_id, o.withheld) for o in outcomes] == [("n1", "RecognitionError"), ("n2", None)]


_PIECES = st.sampled_from(
    [
        *("患者", "王建国", "15412345678", "154 1234-5678", "１２３４５６７８", "身高1.82m", "3月5日", "，", " ", "\n"),
        *(" Wang Jianguo ", "王健国", "&nbsp;", "<b>", "<br>", "&#29579;", "㎡", "½", "①", "ﬁ", "{", "\\"),
        *("\ud800", "\x00", "e\u0301", "\u200b"),
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(_PIECES, max_size=14))
def test_no_known_identifier_is_left_whatever_stands_around_it(
    deidentifier: TextDeidentifier, pieces: list[str]
) -> None:
    result = outcome_of(deidentifier, "".join(pieces)).result
    if result is not None:
        left = str(normalize(result.text))
        assert "王建国" not in left
        assert "wangjianguo" not in left.lower().replace(" ", "")


@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet=st.characters(), max_size=60) | st.lists(_PIECES, max_size=12).map("".join))
def test_offsets_always_map_back(text: str) -> None:
    folded = normalize(text)
    places = [folded.original_span(i, i + 1) for i in range(len(folded))]
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert all(one[0] <= other[0] for one, other in itertools.pairwise(places))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.lists(_PIECES, max_size=8).map("".join), min_size=1, max_size=5))
def test_the_same_notes_give_the_same_output_alone_together_and_again(
    without_cache: TextDeidentifier, deidentifier: TextDeidentifier, pieces: list[str]
) -> None:
    patient = PatientNotes([Note(str(i), piece) for i, piece in enumerate(pieces)], KNOWN, -9)
    once = list(deidentifier.deidentify_notes(patient))
    assert once == list(deidentifier.deidentify_many([patient, patient]))[: len(pieces)]
    assert once == list(without_cache.deidentify_notes(patient))
