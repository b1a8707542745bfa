"""Tokens, blind indexes and digests: equal where they should be, different everywhere else."""

from __future__ import annotations

import pytest

from anonymization.encryption import BlindIndexer, KeyedDigest, Suite, Tokeniser

KEY, OTHER = bytes(32), bytes([1] * 32)


def test_no_values_have_no_tokens() -> None:
    assert Tokeniser(KEY).tokens("his.patient", []) == []


@pytest.mark.parametrize("suite", list(Suite))
def test_a_value_given_in_parts_has_the_digest_of_the_whole(suite: Suite) -> None:
    digest = KeyedDigest(b"k" * 32, "domain", suite)
    assert [digest.one(b"header\nrow"), digest.one()] == digest.many((b"header\nrow", b""))
    assert digest.one(b"header", b"\n", b"row") == digest.one(b"header\nrow")


def test_equal_values_of_one_domain_have_equal_tokens() -> None:
    assert Tokeniser(KEY).tokens("his.visit", ["V1"]) == Tokeniser(KEY).tokens("his.visit", ["V1"])


def test_equal_values_of_two_domains_have_different_tokens() -> None:
    tokeniser = Tokeniser(KEY)
    assert tokeniser.tokens("his.patient", ["1"]) != tokeniser.tokens("lis.patient", ["1"])


def test_another_key_gives_other_tokens() -> None:
    assert Tokeniser(KEY).tokens("his.patient", ["1"]) != Tokeniser(OTHER).tokens("his.patient", ["1"])


def test_a_token_is_no_blind_index_of_the_same_value() -> None:
    assert Tokeniser(KEY).tokens("name", ["1"]) != BlindIndexer(KEY).indexes("name", ["1"])


def test_tokens_are_32_hexadecimal_digits_in_the_order_of_the_values() -> None:
    first, second = Tokeniser(KEY).tokens("d", ["a", "b"])
    assert [first, second] == [*Tokeniser(KEY).tokens("d", ["a"]), *Tokeniser(KEY).tokens("d", ["b"])]
    assert len(first) == 32 and int(first, 16) >= 0


def test_tokens_stay_what_they_are_from_version_to_version() -> None:
    assert Tokeniser(KEY).tokens("his.patient", ["87777777"]) == ["404f59a75cc5f04d9848eaa855592557"]


@pytest.mark.parametrize(
    "written",
    ["11010519491231002x", "１１０１０５１９４９１２３１００２Ｘ", "110105 19491231 002X", "110105-19491231-002X"],
)
def test_one_number_written_in_several_ways_has_one_index(written: str) -> None:
    indexer = BlindIndexer(KEY)
    assert indexer.indexes("resident_id", [written]) == indexer.indexes("resident_id", ["11010519491231002X"])


@pytest.mark.parametrize("name", ["吐尔逊·卡哈尔江", "吐尔逊•卡哈尔江", "吐尔逊.卡哈尔江", " 吐尔逊 卡哈尔江"])
def test_one_name_with_several_middle_dots_has_one_index(name: str) -> None:
    assert BlindIndexer.normalise(name) == "吐尔逊卡哈尔江"


def test_different_numbers_have_different_indexes() -> None:
    first, second = BlindIndexer(KEY).indexes("mobile", ["15498760013", "15498760014"])
    assert first != second


def test_one_digest_is_that_of_many() -> None:
    digest = KeyedDigest(KEY, "row")
    assert digest.many([b"a", b""]) == [digest.one(b"a"), digest.one(b"")]
