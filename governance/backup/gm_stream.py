"""The gm stream format: SM4-GCM in chunks of 1 MiB, after the STREAM construction (docs/decisions/0017).

STREAM: Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance",
CRYPTO 2015. The nonce of a chunk is a random prefix, the chunk's number and a flag of the last chunk, so that a chunk
that is moved, doubled, left out or added, and a stream that is cut short, also between two chunks, does not open.

No library offers such a stream with SM4, nor public-key encryption with SM2: the data key is wrapped under a symmetric
key of the keyring. Whoever writes such a stream can read it as well; suite intl has no such limit.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from typing import Protocol

from cryptography.exceptions import InvalidTag

from anonymization.encryption.suites import Sm4Gcm
from governance.errors import BackupError

MAGIC = b"xinglin-gm-1\n"
CHUNK = 1 << 20
_TAG, _KEY = 16, 16
_FIXED = struct.Struct(">13sII12s7s")  # magic, chunk size, key version, nonce of the wrap, nonce prefix
HEADER = _FIXED.size + _KEY + _TAG
_NONCE = struct.Struct(">7sIB")
_CHUNKS = 2**32


class Readable(Protocol):
    """Where bytes come from: up to ``size`` bytes a call, none at the end."""

    def read(self, size: int = -1, /) -> bytes:
        """Read."""
        ...


class Writable(Protocol):
    """Where bytes go: all of them, or an error."""

    def write(self, data: bytes, /) -> object:
        """Write."""
        ...


def encrypt_stream(source: Readable, target: Writable, keys: Mapping[int, bytes]) -> None:
    """Encrypt a stream under a fresh data key, wrapped under the newest of ``keys``. Memory is bounded (2 chunks).

    Args:
        keys: version → 32 bytes, of which SM4 takes the first 16.

    Raises:
        BackupError: there is no key, or the stream is longer than 4 PiB.
    """
    if not keys:
        raise BackupError("the keyring holds no key for backups in suite gm; run `xinglin up`, which adds it")
    version = max(keys)
    data_key, wrap_nonce, prefix = os.urandom(_KEY), os.urandom(12), os.urandom(7)
    fixed = _FIXED.pack(MAGIC, CHUNK, version, wrap_nonce, prefix)
    header = fixed + Sm4Gcm(keys[version][:_KEY]).encrypt(wrap_nonce, data_key, fixed)
    target.write(header)
    sealer = Sm4Gcm(data_key)
    number, held = 0, _whole(source)
    while True:
        following = _whole(source) if len(held) == CHUNK else b""
        last = not following
        target.write(sealer.encrypt(_NONCE.pack(prefix, number, last), held, header))
        if last:
            return
        number, held = number + 1, following
        if number == _CHUNKS:
            raise BackupError("a stream in suite gm ends at 4 PiB; nothing more was written")


def decrypt_stream(source: Readable, target: Writable, keys: Mapping[int, bytes]) -> None:
    """Decrypt a stream; what is written before an error is authentic, but not all.

    Raises:
        BackupError: no such format or key; or a chunk was altered, moved, left out or added, or the end is missing.
    """
    header = _exactly(source, HEADER)
    if len(header) < HEADER or not header.startswith(MAGIC):
        raise BackupError("it is not a stream of the gm format, or its header is cut short; use another backup")
    _, chunk, version, wrap_nonce, prefix = _FIXED.unpack(header[: _FIXED.size])
    if version not in keys:
        raise BackupError(
            f"it was encrypted under version {version} of the backup key, which the keyring does not hold"
        )
    if chunk != CHUNK:
        raise BackupError("its header was altered (another size of chunks); use another backup")
    try:
        data_key = Sm4Gcm(keys[version][:_KEY]).decrypt(wrap_nonce, header[_FIXED.size :], header[: _FIXED.size])
    except InvalidTag as error:
        raise BackupError("it was made for another key, or its header was altered") from error
    opener = Sm4Gcm(data_key)
    number, held = 0, _exactly(source, CHUNK + _TAG)
    while True:
        following = _exactly(source, CHUNK + _TAG) if len(held) == CHUNK + _TAG else b""
        last = not following
        try:
            plain = opener.decrypt(_NONCE.pack(prefix, number, last), held, header)
        except (InvalidTag, ValueError) as error:
            raise BackupError(
                f"chunk {number} of the stream is damaged, out of its place, or the end of the stream is missing"
            ) from error
        target.write(plain)
        if last:
            return
        number, held = number + 1, following


def _whole(source: Readable) -> bytes:
    return _exactly(source, CHUNK)


def _exactly(source: Readable, size: int) -> bytes:
    """``size`` bytes, or fewer at the end of the stream only."""
    first = source.read(size)
    if len(first) == size or not first:
        return first
    parts, missing = [first], size - len(first)
    while missing and (part := source.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
