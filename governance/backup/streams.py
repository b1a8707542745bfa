"""Byte streams of a backup: sealing what comes out of the server, and unpacking it again. Memory is bounded in both.

Two encrypted formats. Suite intl: age (https://age-encryption.org/v1) with X25519 recipients, ChaCha20-Poly1305 in
chunks of 64 KiB with a counter and a final flag. Suite gm: :mod:`governance.backup.gm_stream`. In both a flipped bit, a
moved chunk or a missing end is refused.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple, Protocol

import pyarrow as pa
import pyrage

from anonymization.encryption import Suite
from governance.backup import extracting
from governance.backup.gm_stream import MAGIC, decrypt_stream, encrypt_stream
from governance.backup.keys import BackupKeys
from governance.backup.place import new_file
from governance.errors import BackupError

_PIECE = 1 << 20


class DamagedError(BackupError):
    """A file is not what was signed."""


SUFFIX = {Suite.INTL: ".age", Suite.GM: ".gm"}


class Unpacked(NamedTuple):
    """One file that was unpacked: its path within the archive, bytes, and SHA-256 (hexadecimal)."""

    name: str
    size: int
    sha256: str


class Reader(Protocol):
    """Where bytes come from."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes, none at the end."""
        ...


class HashingWriter:
    """A file that counts and hashes (SHA-256) what is written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.bytes = 0

    def write(self, data: bytes) -> int:
        """Write all of ``data``."""
        self._file.write(data)
        self._hash.update(data)
        self.bytes += len(data)
        return len(data)

    def flush(self) -> None:
        """Pass on what is buffered."""
        self._file.flush()

    @property
    def sha256(self) -> str:
        """Digest of everything written so far, hexadecimal."""
        return self._hash.hexdigest()


class HashingReader(io.RawIOBase):
    """A file that counts and hashes what is read from it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.bytes = 0

    def readable(self) -> bool:
        """True."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes, none at the end."""
        data = self._file.read(size)
        self._hash.update(data)
        self.bytes += len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def finish(self) -> str:
        """Read to the end; the digest of the whole file, hexadecimal."""
        while self.read(_PIECE):
            pass
        return self._hash.hexdigest()


def encrypt(source: Reader, target: Path, keys: BackupKeys) -> tuple[int, str]:
    """Encrypt a stream into a new file, synced to disk.

    Returns:
        Bytes and SHA-256 of the file.

    Raises:
        BackupError: a recipient is malformed, or the file cannot be written.
    """
    with new_file(target) as file:
        writer = HashingWriter(file)
        seal(source, writer, keys)
    return writer.bytes, writer.sha256


def seal(source: Reader, target: HashingWriter | io.BytesIO, keys: BackupKeys) -> None:
    """Encrypt a stream in the suite of the keys.

    Raises:
        BackupError: there is no usable key.
        OSError: the target cannot be written.
    """
    if keys.suite is Suite.GM:
        encrypt_stream(source, target, keys.stream)
        return
    try:
        recipients = [pyrage.x25519.Recipient.from_str(recipient) for recipient in keys.recipients]
        pyrage.encrypt_io(source, target, recipients)
    except pyrage.RecipientError as error:
        raise BackupError("a backup recipient in the keyring is not an age recipient; restore the keyring") from error
    except pyrage.EncryptError as error:
        raise BackupError(f"the backup could not be encrypted ({error}); check the backup folder's space") from error


def unseal(source: Reader, target: Writer, keys: BackupKeys) -> None:
    """Decrypt a stream of either suite, known by its first bytes.

    Raises:
        BackupError: it is damaged or cut short, the key does not fit, or there is none.
    """
    start = source.read(len(MAGIC))
    whole = _Rejoined(start, source)
    if start == MAGIC:
        decrypt_stream(whole, target, keys.stream)
        return
    if keys.identity is None:
        raise BackupError("reading a backup needs the backup identity of the keyring, and this one holds none")
    try:
        pyrage.decrypt_io(whole, target, [pyrage.x25519.Identity.from_str(keys.identity)])
    except pyrage.IdentityError as error:
        raise BackupError("the backup identity in the keyring is not an age identity; restore the keyring") from error
    except pyrage.DecryptError as error:
        raise BackupError(f"it was made for another key than the keyring's, or it is damaged ({error})") from error


def unpack(file: Path, target: Path, keys: BackupKeys, sha256: str) -> list[Unpacked]:
    """Decrypt, decompress and unpack an encrypted tar into an existing folder; the files that were unpacked.

    Raises:
        BackupError: the file is missing, altered or cut short, or the key does not fit. The folder then holds a part of
            the backup, which the caller removes.
    """
    reader = _opened(file)
    program = [sys.executable, "-I", extracting.__file__, str(target)]
    pipe = subprocess.PIPE
    with subprocess.Popen(program, stdin=pipe, stdout=pipe, stderr=pipe, pipesize=_PIECE) as extractor:
        assert extractor.stdin  # noqa: S101 - it is a pipe
        feed, failure = _Feed(extractor.stdin), None
        try:
            unseal(reader, feed, keys)
        except (BackupError, OSError) as error:
            failure = None if feed.is_broken else error
        said, complaint = extractor.communicate()
    if failure is None and extractor.returncode != 0:
        failure = BackupError(complaint.decode("utf-8", "replace").strip()[-500:] or "the extractor was ended")
    _judge(reader, file, sha256, failure)
    return [Unpacked(**json.loads(line)) for line in said.splitlines()]


def reveal(file: Path, keys: BackupKeys, sha256: str) -> bytes:
    """Decrypt and decompress a small encrypted file into memory; errors as in :func:`unpack`."""
    reader, found = _opened(file), []
    failure = through_pipe(reader, keys, lambda plain: found.append(plain.read()))
    _judge(reader, file, sha256, failure)
    return b"".join(found)


def examine(file: Path, keys: BackupKeys, sha256: str) -> int:
    """Decrypt and decompress a file to nowhere, to learn whether it is sound; bytes that it holds, errors as above."""
    reader, counted = _opened(file), [0]

    def count(plain: IO[bytes]) -> None:
        while piece := plain.read(_PIECE):
            counted[0] += len(piece)

    failure = through_pipe(reader, keys, count)
    _judge(reader, file, sha256, failure)
    return counted[0]


class Writer(Protocol):
    """Where bytes go: all of them, or an error."""

    def write(self, data: bytes, /) -> object:
        """Write all of ``data``."""
        ...


class _Feed:
    """A pipe that remembers whether its other end was closed."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe, self.is_broken = pipe, False

    def write(self, data: bytes) -> int:
        try:
            return self._pipe.write(data)
        except BrokenPipeError:
            self.is_broken = True
            raise

    def flush(self) -> None:
        self._pipe.flush()


class _Rejoined:
    """A reader whose first bytes were read already."""

    def __init__(self, start: bytes, rest: Reader) -> None:
        self._start, self._rest = start, rest

    def read(self, size: int = -1, /) -> bytes:
        if not self._start:
            return self._rest.read(size)
        if size < 0:
            taken, self._start = self._start, b""
            return taken + self._rest.read()
        taken, self._start = self._start[:size], self._start[size:]
        return taken


def _opened(file: Path) -> HashingReader:
    try:
        return HashingReader(file.open("rb"))
    except OSError as error:
        raise BackupError(f"{file} cannot be read ({error.strerror}); use another backup (xinglin backups)") from error


def _judge(reader: HashingReader, file: Path, sha256: str, failure: Exception | None) -> None:
    with reader:
        intact = reader.finish() == sha256
    if not intact:
        raise DamagedError(
            f"{file} is damaged: its SHA-256 is not the manifest's; nothing was restored, use another backup"
        ) from failure
    if failure is not None:
        raise BackupError(f"{file} could not be read: {failure}; nothing was restored") from failure


def through_pipe(reader: HashingReader, keys: BackupKeys, consume: Callable[[IO[bytes]], None]) -> Exception | None:
    """Two threads joined by a pipe: one decrypts, this one decompresses and consumes; what went wrong, if anything."""
    outlet, inlet = os.pipe()
    failures: list[Exception] = []

    def decrypt() -> None:
        try:
            with os.fdopen(inlet, "wb", buffering=_PIECE) as pipe:
                unseal(reader, pipe, keys)
        except Exception as error:  # handed over to the other thread
            failures.append(error)

    thread = threading.Thread(target=decrypt, name="decrypt")
    failure: Exception | None = None
    with os.fdopen(outlet, "rb", buffering=_PIECE) as pipe:
        thread.start()
        try:
            consume(pa.CompressedInputStream(pa.PythonFile(pipe, mode="r"), "zstd"))
        except (OSError, BackupError, EOFError, pa.ArrowException) as error:
            failure = error
    thread.join()
    return failures[0] if failures and not isinstance(failures[0], BrokenPipeError) else failure
