"""Batches find what single texts find; the cache is bounded, keyed, and knows no patient."""

from __future__ import annotations

from datetime import date

import pytest

from anonymization.batches import BETWEEN, Batch, batches, parts
from anonymization.cache import ContentCache, content_hash
from anonymization.entities import Entity
from anonymization.known import KnownIdentifiers, KnownPerson
from anonymization.normalize import NormalizedText, normalize
from anonymization.text import Note, PatientNotes, TextDeidentifier

TEXTS = [
    "患者于2026年3月5日入院，电话15412345678。",
    "",
    "联系人：褚云鹤",
    "身份证号11010519491231002X",
    "\n\n",
    "住广东省广州市越秀区橘井路123号",
    "Dear Mrs. Ellen Brightwater, see you on March 5, 2026.",
    "末尾154",
    "12345678开头",
    "诸暨大唐镇轻纺城二楼A区118号",
    "金秋大道与永宁街交叉口万达广场3号楼旁",
    "加V qx_20331",
    "住院ID:1234、5678",
    "WWW.EXAMPLE.ORG",
    "qQ 1234567",
    "周口市太康县毛庄镇李寨行政村张洼自然村，微信，电话86，编号，www.example.com，QQ，**",
]


def test_no_texts_make_no_batch() -> None:
    assert list(batches([])) == []


def test_a_batch_leads_back_to_its_texts() -> None:
    batch = Batch([NormalizedText.of(text) for text in ("甲", "", "乙丙")])
    place = batch.text.index("乙")
    assert batch.place(place, place + 9) == (2, 0, 2)
    assert [batch.text[a:b] for a, b in parts(batch.text)] == ["甲", "", "乙丙"]


def test_every_text_is_in_one_batch() -> None:
    texts = [NormalizedText.of("字" * length) for length in (10, 20_000, 5, 15_000, 900, 200)]
    assert [i for indexes in batches(texts) for i in indexes] == list(range(6))


def test_a_batch_finds_what_the_texts_alone_give(deidentifier: TextDeidentifier) -> None:
    fresh = TextDeidentifier(deidentifier.policy, bytes(range(32)), cache_bytes=0)  # else the second pass is remembered
    together = list(fresh.detect_many(TEXTS, [KnownIdentifiers()] * len(TEXTS)))
    assert together == [fresh.detect(text) for text in TEXTS]
    assert sum(map(len, together)) >= 15


def test_a_text_that_holds_the_mark_between_texts_is_scrubbed(deidentifier: TextDeidentifier) -> None:
    (outcome,) = deidentifier.deidentify_notes(
        PatientNotes([Note("x", f"电话15412345678{BETWEEN}15412345678")], KnownIdentifiers(), 9)
    )
    assert outcome.result is not None
    assert "154" not in outcome.result.text


def test_a_seen_text_of_another_patient_is_scrubbed_by_that_patients_identifiers(
    deidentifier: TextDeidentifier,
) -> None:
    text = "今晨查房，芈月容诉头痛，予对症处理"
    texts = []
    for name in ("张三丰", "芈月容"):
        known = KnownIdentifiers(person=name, persons=(KnownPerson(name=name),))
        (outcome,) = deidentifier.deidentify_notes(PatientNotes([Note("n", text, date(2026, 3, 5))], known, 9))
        texts.append(outcome.result.text if outcome.result else "")
    assert "芈月容" not in texts[1]


@pytest.mark.parametrize("change", ["shift", "date", "values"])
def test_an_outcome_is_remembered_with_all_that_it_depends_on(deidentifier: TextDeidentifier, change: str) -> None:
    text = "3月5日复查，编号ZZ998877"
    values = ((Entity.MEDICAL_RECORD_NUMBER, "ZZ998877"),)
    first = PatientNotes([Note("n", text, date(2026, 4, 1))], KnownIdentifiers(person="p"), 9)
    other = PatientNotes(
        [Note("n", text, date(2025, 4, 1) if change == "date" else date(2026, 4, 1))],
        KnownIdentifiers(person="p", values=values if change == "values" else ()),
        300 if change == "shift" else 9,
    )
    (one,), (two,) = deidentifier.deidentify_notes(first), deidentifier.deidentify_notes(other)
    fresh = TextDeidentifier(deidentifier.policy, bytes(range(32)), staff=["程思远", "禤旻"], cache_bytes=0)
    assert list(fresh.deidentify_notes(first)) == [one]
    assert list(fresh.deidentify_notes(other)) == [two]


def test_the_cache_forgets_what_was_used_longest_ago() -> None:
    cache: ContentCache[int] = ContentCache(160)
    keys = [content_hash(str(i)) for i in range(30)]
    for number, key in enumerate(keys):
        cache.put(key, number, 10)
        cache.get(keys[0])
    assert len(cache) == 16
    assert cache.get(keys[0]) == 0
    assert cache.get(keys[1]) is None


def test_a_value_too_heavy_is_not_kept() -> None:
    cache: ContentCache[int] = ContentCache(160)
    cache.put(content_hash("a"), 1, 11)
    assert len(cache) == 0


def test_a_hash_does_not_confuse_where_texts_end() -> None:
    assert content_hash("ab", "c") != content_hash("a", "bc")


def test_offsets_of_markup_lead_to_the_text_as_it_was_written() -> None:
    text = "患者<b>王建</b>国&nbsp;到"
    folded = normalize(text)
    start = folded.index("王建国")
    first, last = folded.original_span(start, start + 3)
    assert text[first:last] == "王建</b>国"
