"""The gm stream format: every way of tampering with its chunks is refused (docs/decisions/0017)."""

from __future__ import annotations

import io
import os
import struct

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4

from governance.backup.gm_stream import CHUNK, HEADER, MAGIC, decrypt_stream, encrypt_stream
from governance.errors import BackupError

KEYS = {1: b"1" * 32, 3: b"3" * 32}
SEALED = CHUNK + 16


def sealed(plain: bytes) -> bytes:
    target = io.BytesIO()
    encrypt_stream(io.BytesIO(plain), target, KEYS)
    return target.getvalue()


def opened(stream: bytes, keys: dict[int, bytes] = KEYS) -> bytes:
    target = io.BytesIO()
    decrypt_stream(io.BytesIO(stream), target, keys)
    return target.getvalue()


@pytest.fixture(scope="module")
def plain() -> bytes:
    return os.urandom(3 * CHUNK + 1000)


@pytest.fixture(scope="module")
def stream(plain: bytes) -> bytes:
    return sealed(plain)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK])
def test_a_stream_of_any_length_comes_back(size: int) -> None:
    content = os.urandom(size)
    made = sealed(content)
    assert opened(made) == content
    assert len(made) == HEADER + size + 16 * max(1, -(-size // CHUNK))


def test_a_source_that_gives_a_few_bytes_at_a_time_makes_the_same_chunks(plain: bytes) -> None:
    class Dribble(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 70_001) if size and size > 0 else size)

    target = io.BytesIO()
    encrypt_stream(Dribble(plain), target, KEYS)
    assert opened(target.getvalue()) == plain


def test_the_layout_is_that_of_the_decision_record(stream: bytes, plain: bytes) -> None:
    """Decrypted by hand from the byte layout alone."""
    magic, chunk, version, wrap_nonce, prefix = struct.unpack(">13sII12s7s", stream[:40])
    assert (magic, chunk, version) == (MAGIC, CHUNK, 3)

    def gcm(key: bytes, nonce: bytes, data: bytes, header: bytes) -> bytes:
        context = Cipher(SM4(key), modes.GCM(nonce, data[-16:])).decryptor()
        context.authenticate_additional_data(header)
        return context.update(data[:-16]) + context.finalize()

    data_key = gcm(KEYS[3][:16], wrap_nonce, stream[40:72], stream[:40])
    parts = [stream[at : at + SEALED] for at in range(72, len(stream), SEALED)]
    found = b"".join(
        gcm(data_key, prefix + struct.pack(">IB", n, n == len(parts) - 1), part, stream[:72])
        for n, part in enumerate(parts)
    )
    assert found == plain


@pytest.mark.parametrize("length", [0, 5, 40, HEADER, HEADER + 10, HEADER + SEALED, HEADER + 3 * SEALED, -1, -16])
def test_a_stream_cut_short_is_refused_also_between_two_chunks(stream: bytes, length: int) -> None:
    with pytest.raises(BackupError):
        opened(stream[:length])


@pytest.mark.parametrize("chunk", [0, 1, 2])
def test_a_chunk_that_is_moved_left_out_or_doubled_is_refused(stream: bytes, chunk: int) -> None:
    start, end = HEADER + chunk * SEALED, HEADER + (chunk + 1) * SEALED
    one = stream[start:end]
    following = stream[end : end + SEALED]
    for altered in (
        stream[:start] + following + one + stream[end + len(following) :],
        stream[:start] + stream[end:],
        stream[:end] + one + stream[end:],
    ):
        with pytest.raises(BackupError, match="chunk"):
            opened(altered)


@pytest.mark.parametrize("more", [b"x", b"x" * 16, b"x" * SEALED])
def test_a_stream_made_longer_is_refused(stream: bytes, more: bytes) -> None:
    with pytest.raises(BackupError, match="chunk"):
        opened(stream + more)


def test_the_last_chunk_of_another_stream_does_not_end_this_one(stream: bytes, plain: bytes) -> None:
    with pytest.raises(BackupError, match="chunk 3"):
        opened(stream[: HEADER + 3 * SEALED] + sealed(plain)[HEADER + 3 * SEALED :])


@pytest.mark.parametrize("position", range(HEADER))
def test_every_byte_of_the_header_counts(position: int) -> None:
    made = bytearray(sealed(b"x" * 100))
    made[position] ^= 1
    with pytest.raises(BackupError):
        opened(bytes(made))


def test_a_flipped_bit_in_a_chunk_is_refused_and_names_it(stream: bytes) -> None:
    altered = bytearray(stream)
    altered[HEADER + SEALED + 77] ^= 128
    with pytest.raises(BackupError, match="chunk 1"):
        opened(bytes(altered))


def test_another_key_and_a_missing_version_are_told_apart(stream: bytes) -> None:
    with pytest.raises(BackupError, match="another key"):
        opened(stream, {3: b"x" * 32})
    with pytest.raises(BackupError, match="version 3"):
        opened(stream, {1: b"1" * 32})


def test_without_a_key_nothing_is_written() -> None:
    target = io.BytesIO()
    with pytest.raises(BackupError, match="no key"):
        encrypt_stream(io.BytesIO(b"x"), target, {})
    assert target.getvalue() == b""


def test_two_streams_of_the_same_content_share_nothing(plain: bytes, stream: bytes) -> None:
    other = sealed(plain)
    assert stream[17:72] != other[17:72]
    assert stream[HEADER : HEADER + 64] != other[HEADER : HEADER + 64]
