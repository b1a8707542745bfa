"""English text: people of many countries, addresses, numbers; nothing of it in Chinese notes with English words."""

from __future__ import annotations

import pytest

from anonymization.english.passages import english_passages
from anonymization.english.tagger import tag
from anonymization.entities import Entity
from anonymization.policy import DeidentificationPolicy
from anonymization.text import TextDeidentifier


def found(deidentifier: TextDeidentifier, text: str, entity: Entity) -> set[str]:
    return {text[span.start : span.end] for span in deidentifier.detect(text) if span.entity == entity}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Dear Mrs. Ellen Brightwater, your appointment was moved.", {"Ellen Brightwater"}),
        ("I spoke to Siobhan and to Dr. Okonkwo about the results.", {"Siobhan", "Okonkwo"}),
        ("Kind regards,\nBjörn Lindqvist", {"Björn Lindqvist"}),
        ("Patient: Ngoc Tran, seen with her son Minh.", {"Ngoc Tran", "Minh"}),
        ("Caller: my name is Krzysztof Wiśniewski", {"Krzysztof Wiśniewski"}),
        ("Electronically signed by Hannah O'Leary on 03/05/2026", {"Hannah O'Leary"}),
    ],
)
def test_people_are_found(deidentifier: TextDeidentifier, text: str, names: set[str]) -> None:
    assert found(deidentifier, text, Entity.PERSON) == names


@pytest.mark.parametrize(
    ("text", "value", "entity"),
    [
        ("Call me on (555) 019-2834 x12.", "(555) 019-2834 x12", Entity.PHONE),
        ("My number is +44 20 7946 0958", "+44 20 7946 0958", Entity.PHONE),
        ("Card 4111 1111 1111 1111 was declined", "4111 1111 1111 1111", Entity.BANK_CARD),
        ("IBAN GB82 WEST 1234 5698 7654 32 please", "GB82 WEST 1234 5698 7654 32", Entity.BANK_CARD),
        ("my SSN is 078-05-1120", "078-05-1120", Entity.SSN),
        ("driver's license: A1234567", "A1234567", Entity.CERTIFICATE),
        ("see shop.example.com/orders now", "shop.example.com/orders", Entity.URL),
        ("She is Norwegian.", "Norwegian", Entity.NATIONALITY),
    ],
)
def test_numbers_and_other_identifiers_are_found(
    deidentifier: TextDeidentifier, text: str, value: str, entity: Entity
) -> None:
    assert value in found(deidentifier, text, entity)


def test_an_address_of_several_lines_is_covered(deidentifier: TextDeidentifier) -> None:
    text = "Ship it to:\n4821 Maple Grove Road\nApt. 12\nSpringfield, IL 62704"
    covered = {place for span in deidentifier.detect(text) for place in range(span.start, span.end)}
    address = text.index("4821")
    assert sum(place in covered for place in range(address, len(text))) >= 0.9 * (len(text) - address)


def test_both_languages_of_the_policy_read_english(policy: DeidentificationPolicy) -> None:
    english = TextDeidentifier(policy.model_copy(update={"language": "en"}), bytes(32))
    assert found(english, "Regards, Hannah O'Leary", Entity.PERSON) == {"Hannah O'Leary"}


@pytest.mark.parametrize(
    "text",
    [
        "患者予Aspirin 100mg qd、Lipitor 20mg qn口服，Murphy征阳性。",
        "诊断：Hodgkin淋巴瘤 IIB期，Graves病。",
        "化验：\nWBC 12.3 RBC 4.5 HGB 120 PLT 230\nALT 40 AST 35 TBIL 12\n余未见异常",
        "病理：Gleason评分3+4\nKi-67 (30%+), ER (-), PR (-), HER2 (2+)\n请结合临床",
    ],
)
def test_chinese_notes_with_english_words_are_not_read_as_english(deidentifier: TextDeidentifier, text: str) -> None:
    assert list(english_passages(text)) == []
    assert deidentifier.detect(text) == []


def test_an_english_line_of_a_chinese_note_is_read() -> None:
    text = "外院英文病历摘录如下：\nThe patient was seen by Dr. Brightwater in the clinic.\n以上供参考。"
    assert [text[a:b] for a, b in english_passages(text)] == ["The patient was seen by Dr. Brightwater in the clinic."]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "....", "1234", "a"])
def test_texts_without_words_have_no_finds(text: str) -> None:
    assert [item for item in tag(text) if item.label == "PERSON"] == []
