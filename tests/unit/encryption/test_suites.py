"""The two suites: published vectors, and that a value of one is never taken for the other's."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256, SM3, Hash
from cryptography.hazmat.primitives.hmac import HMAC

from anonymization.encryption import BlindIndexer, FieldCipher, KeyedDigest, KeyHolder, Suite, Tokeniser, columns
from anonymization.encryption.suites import Sm4Gcm
from anonymization.errors import DecryptionError

PLACE, ROW, PERSON = "vault.his_patient.name", 7, "ab" * 16
KEY, OTHER = bytes(32), bytes([2] * 32)
SUITES = list(Suite)


def test_sm4_gcm_gives_the_published_ciphertext() -> None:  # RFC 8998, appendix A.1
    plain = b"".join(bytes([b]) * 8 for b in bytes.fromhex("aabbccddeeffeeaa"))
    associated = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    nonce = bytes.fromhex("00001234567800000000abcd")
    cipher = Sm4Gcm(bytes.fromhex("0123456789abcdeffedcba9876543210"))
    expected = bytes.fromhex(
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
        "83de3541e4c2b58177e065a9bf7b62ec"
    )
    assert cipher.encrypt(nonce, plain, associated) == expected
    assert cipher.decrypt(nonce, expected, associated) == plain
    with pytest.raises(InvalidTag):
        cipher.decrypt(nonce, expected[:15], associated)


def test_sm3_gives_the_published_digest() -> None:  # GB/T 32905-2016, A.1
    digest = Hash(SM3())
    digest.update(b"abc")
    assert digest.finalize().hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_a_token_of_the_gm_suite_is_hmac_sm3_after_rfc_2104() -> None:
    def sm3(*parts: bytes) -> bytes:
        digest = Hash(SM3())
        digest.update(b"".join(parts))
        return digest.finalize()

    def hmac(key: bytes, message: bytes) -> bytes:
        block = key.ljust(64, b"\0")
        return sm3(bytes(b ^ 0x5C for b in block), sm3(bytes(b ^ 0x36 for b in block), message))

    expected = hmac(hmac(KEY, b"token:his.patient"), b"87777777").hex()[:32]
    assert Tokeniser(KEY, Suite.GM).tokens("his.patient", ["87777777"]) == [expected]


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("value", ["", "a", "禤馥莼", "x" * 10_000])
def test_each_suite_opens_what_it_sealed(suite: Suite, value: str) -> None:
    cipher = FieldCipher({1: KEY}, 1, suite=suite)
    sealed = cipher.encrypt_column(PLACE, [value, None], [ROW, ROW], [PERSON, None])
    assert cipher.decrypt_column(PLACE, sealed, [ROW, ROW], [PERSON, None]) == [value, None]
    assert (sealed[0] or b"")[0] == suite.number


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize(
    ("place", "row", "person"),
    [(PLACE, 8, PERSON), ("vault.his_patient.mobile", ROW, PERSON), (PLACE, ROW, "cd" * 16), (PLACE, ROW, None)],
    ids=["row", "column", "person", "nobody"],
)
def test_a_moved_value_opens_in_neither_suite(suite: Suite, place: str, row: int, person: str | None) -> None:
    cipher = FieldCipher({1: KEY}, 1, suite=suite)
    sealed = cipher.encrypt_column(PLACE, ["禤馥莼"], [ROW], [PERSON])[0] or b""
    with pytest.raises(DecryptionError):
        cipher.decrypt(place, sealed, row, person)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("position", [0, 1, 2, 3, 4, 5, 16, 17, -1])
def test_no_altered_byte_goes_unnoticed(suite: Suite, position: int) -> None:
    cipher = FieldCipher({1: KEY, 2: OTHER}, 1, suite=suite, key_id=1)
    altered = bytearray(cipher.encrypt_column(PLACE, ["禤馥莼"], [ROW], [PERSON])[0] or b"")
    altered[position] ^= 3
    with pytest.raises(DecryptionError):
        cipher.decrypt(PLACE, bytes(altered), ROW, PERSON)


def test_a_field_may_have_another_suite_than_the_installation() -> None:
    cipher = FieldCipher({1: KEY}, 1, suite=Suite.INTL)
    sealed = cipher.encrypt_column(PLACE, ["a"], [ROW], [PERSON], suite=Suite.GM)
    assert (sealed[0] or b"")[0] == Suite.GM.number
    assert cipher.decrypt_column(PLACE, sealed, [ROW], [PERSON]) == ["a"]


def test_values_written_before_keys_had_ids_still_open() -> None:
    derived = HMAC(KEY, SHA256())
    derived.update(b"person\x1f" + PERSON.encode())
    nonce = bytes(range(12))
    sealed = AESGCM(derived.finalize()).encrypt(nonce, "禤馥莼".encode(), f"{PLACE}|1|{ROW}".encode())
    old = b"\x01\x00\x00\x00\x01" + nonce + sealed
    assert FieldCipher({1: KEY, 2: OTHER}, 2, key_id=1).decrypt(PLACE, old, ROW, PERSON).decode() == "禤馥莼"


def test_a_value_of_another_purpose_s_key_does_not_open() -> None:
    sealed = FieldCipher({1: KEY}, 1, key_id=2).encrypt_column(PLACE, ["a"], [ROW], [None])[0] or b""
    with pytest.raises(DecryptionError, match="unknown"):
        FieldCipher({1: KEY}, 1, key_id=1).decrypt(PLACE, sealed, ROW, None)


def test_a_later_version_is_asked_for_once_it_is_met() -> None:
    asked = []

    def reload() -> dict[int, bytes]:
        asked.append(1)
        return {1: KEY, 2: OTHER}

    sealed = FieldCipher({1: KEY, 2: OTHER}, 2).encrypt_column(PLACE, ["a", "b"], [1, 2], [None, None])
    early = FieldCipher({1: KEY}, 1, holder=KeyHolder(reload=reload))
    assert early.decrypt_column(PLACE, sealed, [1, 2], [None, None]) == ["a", "b"]
    assert len(asked) == 1


def test_only_values_are_counted_and_before_they_are_encrypted() -> None:
    def refuse(version: int, count: int) -> None:
        raise OverflowError((version, count))

    cipher = FieldCipher({1: KEY}, 1, holder=KeyHolder(reserve=refuse))
    assert cipher.encrypt_column(PLACE, [None], [1], [None]) == [None]
    with pytest.raises(OverflowError, match=r"\(1, 2\)"):
        cipher.encrypt_column(PLACE, ["", None, "a"], [1, 2, 3], [None] * 3)


@pytest.mark.parametrize("suite", SUITES)
def test_several_processes_give_the_same_column(suite: Suite) -> None:
    many = 25_001
    values: list[str | None] = [None if n % 7 == 0 else "" if n % 7 == 1 else f"值{n}" for n in range(many)]
    rows, persons = list(range(many)), [f"{n % 50:032x}" if n % 3 else None for n in range(many)]
    cipher = FieldCipher({3: KEY}, 3, suite=suite, key_id=1)
    sealed = cipher.encrypt_column(PLACE, values, rows, persons, workers=2)
    assert {value[:5] for value in sealed if value is not None} == {cipher.header()}
    assert cipher.decrypt_column(PLACE, sealed, rows, persons) == values
    assert cipher.decrypt_column(PLACE, sealed, rows, persons, workers=2) == values


def test_columns_of_different_length_are_refused_by_several_processes_too() -> None:
    with pytest.raises(ValueError, match="different lengths"):
        FieldCipher({1: KEY}, 1).encrypt_column(PLACE, ["a"] * 20_000, [1], [None], workers=2)


def test_an_arrow_column_keeps_nulls_and_empty_strings_apart() -> None:
    cipher, indexer = FieldCipher({1: KEY}, 1, suite=Suite.GM), BlindIndexer(KEY, Suite.GM)
    values, rows = pa.chunked_array([["张三", None], ["", "A-1"]]), pa.array([1, 2, 3, 4])
    persons = pa.array([PERSON, PERSON, None, PERSON])
    sealed = columns.encrypt_column(cipher, PLACE, values, rows, persons)
    assert (sealed.type, sealed.null_count) == (pa.binary(), 1)
    assert columns.decrypt_column(cipher, PLACE, sealed, rows, persons).to_pylist() == ["张三", None, "", "A-1"]
    indexes = columns.blind_index(indexer, "name", values)
    assert indexes.to_pylist()[1] is None
    assert indexes.to_pylist()[3] == indexer.indexes("name", ["a1"])[0] != indexes.to_pylist()[2]


@pytest.mark.parametrize("suite", SUITES)
def test_a_lookup_knows_every_live_version(suite: Suite) -> None:
    old, new = BlindIndexer(KEY, suite), BlindIndexer(OTHER, suite, [KEY])
    assert new.candidates("mobile", "154-9876") == [
        *BlindIndexer(OTHER, suite).indexes("mobile", ["1549876"]),
        *old.indexes("mobile", ["1549876"]),
    ]


def test_the_suites_give_different_digests_of_one_form() -> None:
    intl, gm = (KeyedDigest(KEY, "row", suite).many([b"a", b""]) for suite in SUITES)
    assert len({*intl, *gm}) == 4
    assert all(len(digest) == 32 for digest in gm)


@pytest.mark.parametrize("code", range(128))
def test_the_short_way_of_ascii_normalises_like_the_long_one(code: int) -> None:
    text = "a" + chr(code) + "Z9"
    assert BlindIndexer.normalise(text) == BlindIndexer.normalise(text + "ａ").removesuffix("A")


def test_a_list_of_persons_that_was_changed_in_place_gets_the_keys_of_the_new_ones() -> None:
    cipher = FieldCipher({1: bytes(32)}, 1)
    persons: list[str | None] = [PERSON, "0" * 32]
    first = cipher.encrypt_column(PLACE, ["a", "b"], [1, 2], persons)
    persons.reverse()
    second = cipher.encrypt_column(PLACE, ["a", "b"], [1, 2], persons)
    assert FieldCipher({1: bytes(32)}, 1).decrypt_column(PLACE, first, [1, 2], [PERSON, "0" * 32]) == ["a", "b"]
    assert FieldCipher({1: bytes(32)}, 1).decrypt_column(PLACE, second, [1, 2], ["0" * 32, PERSON]) == ["a", "b"]


@pytest.mark.parametrize("rows", [1, 3, 40])
def test_columns_of_the_same_persons_open_one_after_another(rows: int) -> None:
    persons: list[str | None] = [f"{n // 4:032x}" if rows == 40 else f"{n:032x}" for n in range(rows)]
    texts: list[str | None] = [None if n % 3 == 2 else f"{n}" for n in range(rows)]
    cipher, ids = FieldCipher({1: bytes(32)}, 1), list(range(rows))
    sealed = [cipher.encrypt_column(place, texts, ids, persons) for place in ("a.b.c", "a.b.d", "a.b.e")]
    for place, column in zip(("a.b.c", "a.b.d", "a.b.e"), sealed, strict=True):
        assert cipher.decrypt_column(place, column, ids, persons) == texts
        assert [
            v and cipher.decrypt(place, v, n, p).decode() for v, n, p in zip(column, ids, persons, strict=True)
        ] == texts


def test_pandas_columns_go_out_and_back_with_their_index() -> None:
    cipher = FieldCipher({1: bytes(32)}, 1)
    frame = pd.DataFrame(
        {"value": ["张三", None, "", "A-1"], "row": [1, 2, 3, 4], "person": [PERSON, PERSON, None, PERSON]},
        index=[10, 20, 30, 40],
    )
    sealed = columns.encrypt_column(cipher, "vault.a.b", frame["value"], frame["row"], frame["person"])
    assert isinstance(sealed, pd.Series)
    assert sealed[20] is None and isinstance(sealed[10], bytes)
    plain = columns.decrypt_column(cipher, "vault.a.b", sealed, frame["row"], frame["person"])
    assert plain.to_dict() == {10: "张三", 20: None, 30: "", 40: "A-1"}
    indexes = columns.blind_index(BlindIndexer(bytes(32)), "name", frame["value"])
    assert indexes.index.tolist() == [10, 20, 30, 40] and indexes[20] is None and len(indexes[10]) == 32


@pytest.mark.parametrize("rows", [[1.0, None], [1.5, 2.0], [1]])
def test_rows_without_a_whole_number_each_are_refused(rows: list[float | None]) -> None:
    values, persons = pd.Series(["a", "b"]), pd.Series([PERSON, PERSON])
    with pytest.raises(ValueError, match=r"row ids are missing|truncated|shorter"):
        columns.encrypt_column(FieldCipher({1: bytes(32)}, 1), PLACE, values, pd.Series(rows), persons)


def test_whole_numbers_that_pandas_made_floats_of_bind_like_whole_numbers() -> None:
    cipher, values, persons = FieldCipher({1: bytes(32)}, 1), pd.Series(["a", "b"]), pd.Series([PERSON, PERSON])
    sealed = columns.encrypt_column(cipher, PLACE, values, pd.Series([1.0, 2.0]), persons)
    assert cipher.decrypt_column(PLACE, sealed.tolist(), [1, 2], [PERSON, PERSON]) == ["a", "b"]
