"""Unlabelled addresses of many styles in running sentences, and notes that must not hold any."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from anonymization.recognizers.address import AddressRecognizer

sys.path.insert(0, str(Path(__file__).parents[1]))

from addresses_held_out import ADDRESSES, CARRIERS, CLEAN


@pytest.fixture(scope="module")
def recognizer() -> AddressRecognizer:
    return AddressRecognizer()


def hidden(recognizer: AddressRecognizer, carrier: str, address: str) -> set[int]:
    start = carrier.index("{")
    places = {i for found in recognizer.analyze(carrier.format(address), []) for i in range(found.start, found.end)}
    return places & set(range(start, start + len(address)))


@pytest.mark.parametrize("carrier", CARRIERS)
def test_whole_addresses_are_covered_without_a_label(recognizer: AddressRecognizer, carrier: str) -> None:
    whole = sum(len(hidden(recognizer, carrier, address)) == len(address) for address in ADDRESSES)
    assert whole >= 0.95 * len(ADDRESSES)


def test_a_traditional_address_is_covered(recognizer: AddressRecognizer) -> None:
    address = "廣東省廣州市越秀區橘井路123號金桂花園12棟305房"
    assert len(hidden(recognizer, "患者來自{},因腹痛入院", address)) == len(address)


@pytest.mark.parametrize("text", CLEAN)
def test_notes_without_an_address_have_none(recognizer: AddressRecognizer, text: str) -> None:
    assert recognizer.analyze(text, []) == []


@pytest.mark.parametrize("tail", [",因腹痛入院", "因反复咳嗽3天就诊", "的居民", "务工期间受伤"])
def test_an_address_ends_where_the_sentence_goes_on(recognizer: AddressRecognizer, tail: str) -> None:
    address = "杭州市余杭区五常街道文一西路969号"
    found = recognizer.analyze("患者来自" + address + tail, [])
    assert (min(r.start for r in found), max(r.end for r in found)) == (4, 4 + len(address))


def test_a_county_far_behind_a_region_is_no_place_in_it(recognizer: AddressRecognizer) -> None:
    assert recognizer.analyze("浙江队主教练陈宝山说，比赛很难。", []) == []
