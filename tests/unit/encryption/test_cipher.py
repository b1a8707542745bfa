"""Field encryption: a ciphertext opens only where it stands, under its person, with its key."""

from __future__ import annotations

import pytest

from anonymization.encryption import FieldCipher
from anonymization.errors import DecryptionError

PLACE, ROW, PERSON = "vault.his_patient.name", 7, "ab" * 16
KEYS = {1: bytes(32), 2: bytes([2] * 32)}


@pytest.fixture
def cipher() -> FieldCipher:
    return FieldCipher(KEYS, 1)


@pytest.fixture
def sealed(cipher: FieldCipher) -> bytes:
    value = cipher.encrypt_column(PLACE, ["禤馥莼"], [ROW], [PERSON])[0]
    assert value is not None
    return value


def test_no_values_are_no_ciphertexts(cipher: FieldCipher) -> None:
    assert cipher.encrypt_column(PLACE, [], [], []) == []


def test_null_stays_null_both_ways(cipher: FieldCipher) -> None:
    assert cipher.encrypt_column(PLACE, [None], [ROW], [PERSON]) == [None]
    assert cipher.decrypt_column(PLACE, [None], [ROW], [PERSON]) == [None]


@pytest.mark.parametrize("value", ["", "a", "禤馥莼", "x" * 100_000, "line\nbreak\0"])
def test_what_was_encrypted_is_decrypted(cipher: FieldCipher, value: str) -> None:
    sealed = cipher.encrypt_column(PLACE, [value], [ROW], [PERSON])
    assert cipher.decrypt_column(PLACE, sealed, [ROW], [PERSON]) == [value]


def test_bytes_are_encrypted_as_they_are(cipher: FieldCipher) -> None:
    sealed = cipher.encrypt_column(PLACE, [b"\xff\xfe"], [ROW], [None])[0]
    assert cipher.decrypt(PLACE, sealed or b"", ROW, None) == b"\xff\xfe"


def test_the_ciphertext_does_not_hold_the_value(sealed: bytes) -> None:
    assert "禤馥莼".encode() not in sealed


def test_equal_values_have_different_ciphertexts(cipher: FieldCipher) -> None:
    first, second = cipher.encrypt_column(PLACE, ["a", "a"], [1, 1], [PERSON, PERSON])
    assert first != second


@pytest.mark.parametrize(
    ("place", "row", "person"),
    [
        (PLACE, ROW + 1, PERSON),
        ("vault.his_patient.mobile", ROW, PERSON),
        ("vault.lis_patient.name", ROW, PERSON),
        (PLACE, ROW, "cd" * 16),
        (PLACE, ROW, None),
    ],
    ids=["row", "column", "table", "person", "nobody"],
)
def test_a_moved_ciphertext_does_not_open(
    cipher: FieldCipher, sealed: bytes, place: str, row: int, person: str | None
) -> None:
    with pytest.raises(DecryptionError, match="altered, moved or belongs to another key"):
        cipher.decrypt(place, sealed, row, person)


@pytest.mark.parametrize("position", [0, 1, 4, 5, 16, 17, -1])
def test_an_altered_byte_does_not_open(cipher: FieldCipher, sealed: bytes, position: int) -> None:
    altered = bytearray(sealed)
    altered[position] ^= 1
    with pytest.raises(DecryptionError):
        cipher.decrypt(PLACE, bytes(altered), ROW, PERSON)


@pytest.mark.parametrize("length", [0, 1, 16, 17, 32])
def test_a_cut_ciphertext_does_not_open(cipher: FieldCipher, sealed: bytes, length: int) -> None:
    with pytest.raises(DecryptionError):
        cipher.decrypt(PLACE, sealed[:length], ROW, PERSON)


def test_another_key_of_the_same_id_does_not_open(sealed: bytes) -> None:
    with pytest.raises(DecryptionError):
        FieldCipher({1: bytes([9] * 32)}, 1).decrypt(PLACE, sealed, ROW, PERSON)


def test_an_unknown_key_id_is_named(cipher: FieldCipher) -> None:
    sealed = FieldCipher(KEYS, 2).encrypt_column(PLACE, ["a"], [ROW], [PERSON])[0]
    with pytest.raises(DecryptionError, match=r"row 7: suite 1 or key 2 unknown"):
        FieldCipher({1: KEYS[1]}, 1).decrypt(PLACE, sealed or b"", ROW, PERSON)


def test_an_older_key_still_opens_after_a_rotation(sealed: bytes) -> None:
    assert FieldCipher(KEYS, 2).decrypt(PLACE, sealed, ROW, PERSON).decode() == "禤馥莼"


def test_a_current_key_that_is_not_there_is_refused() -> None:
    with pytest.raises(DecryptionError, match="field key 3 is not in the keyring"):
        FieldCipher(KEYS, 3)


def test_the_error_holds_no_value_and_no_person(cipher: FieldCipher, sealed: bytes) -> None:
    with pytest.raises(DecryptionError) as caught:
        cipher.decrypt(PLACE, sealed, ROW + 1, PERSON)
    assert PERSON not in str(caught.value)


def test_many_persons_do_not_fill_the_memory(cipher: FieldCipher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anonymization.encryption.persons._CACHE_LIMIT", 3)
    persons: list[str | None] = [f"{number:032x}" for number in range(20)]
    sealed = cipher.encrypt_column(PLACE, ["a"] * 20, range(20), persons)
    assert cipher.decrypt_column(PLACE, sealed, range(20), persons) == ["a"] * 20


def test_columns_of_different_length_are_refused(cipher: FieldCipher) -> None:
    with pytest.raises(ValueError, match="zip"):
        cipher.encrypt_column(PLACE, ["a"], [1, 2], [None, None])
