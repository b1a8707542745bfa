"""Byte streams of a backup: sealing what comes out of the server, and unpacking it again. Memory is bounded in both.

The encrypted format is age (https://age-encryption.org/v1) with X25519 recipients: ChaCha20-Poly1305 in chunks of
64 KiB with a counter and a final flag, so a flipped bit, a moved chunk or a missing end is refused.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import threading
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

import pyarrow as pa
import pyrage

from governance.errors import BackupError

_PIECE = 1 << 20


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

    def finish(self) -> str:
        """Read to the end; the digest of the whole file, hexadecimal."""
        while self.read(_PIECE):
            pass
        return self._hash.hexdigest()


def encrypt(source: Reader, target: Path, recipients: tuple[str, ...]) -> tuple[int, str]:
    """Encrypt a stream into a new file, synced to disk.

    Returns:
        Bytes and SHA-256 of the file.

    Raises:
        BackupError: a recipient is malformed, or the file cannot be written.
    """
    try:
        keys = [pyrage.x25519.Recipient.from_str(recipient) for recipient in recipients]
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb", buffering=_PIECE) as file:
            writer = HashingWriter(file)
            pyrage.encrypt_io(source, writer, keys)
            file.flush()
            os.fsync(file.fileno())
    except pyrage.RecipientError as error:
        raise BackupError("a backup recipient in the keyring is not an age recipient; restore the keyring") from error
    except (OSError, pyrage.EncryptError) as error:
        raise BackupError(f"{target} could not be written ({error}); check the backup folder's space") from error
    return writer.bytes, writer.sha256


def unpack(file: Path, target: Path, identity: str, sha256: str) -> int:
    """Decrypt, decompress and unpack an encrypted backup into an existing folder.

    Returns:
        Bytes of the files that were unpacked.

    Raises:
        BackupError: the file is missing, altered or cut short, or the key does not fit. The folder then holds a part of
            the backup, which the caller removes.
    """
    try:
        key = pyrage.x25519.Identity.from_str(identity)
    except pyrage.IdentityError as error:
        raise BackupError("the backup identity in the keyring is not an age identity; restore the keyring") from error
    try:
        encrypted = file.open("rb")
    except OSError as error:
        raise BackupError(f"{file} cannot be read ({error.strerror}); use another backup (xinglin backups)") from error
    with encrypted:
        reader = HashingReader(encrypted)
        failure, unpacked = _decrypt_and_unpack(reader, target, key)
        intact = reader.finish() == sha256
    if not intact:
        raise BackupError(
            f"{file} is damaged: its SHA-256 is not the manifest's; nothing was restored, use another backup"
        ) from failure
    if isinstance(failure, pyrage.DecryptError):
        raise BackupError(f"the identity in the keyring does not open {file}: it was made for another key") from failure
    if failure is not None:
        raise BackupError(f"{file} could not be unpacked into {target} ({failure}); nothing was restored") from failure
    return unpacked


def _decrypt_and_unpack(
    reader: HashingReader, target: Path, key: pyrage.x25519.Identity
) -> tuple[Exception | None, int]:
    """Two threads joined by a pipe: one decrypts, this one decompresses and writes files."""
    outlet, inlet = os.pipe()
    failures: list[Exception] = []

    def decrypt() -> None:
        with os.fdopen(inlet, "wb", buffering=_PIECE) as pipe:
            try:
                pyrage.decrypt_io(reader, pipe, [key])
                pipe.flush()
            except Exception as error:  # handed over to the other thread
                failures.append(error)

    thread = threading.Thread(target=decrypt, name="decrypt")
    unpacked = 0
    failure: Exception | None = None
    with os.fdopen(outlet, "rb", buffering=_PIECE) as pipe:
        thread.start()
        try:
            plain = pa.CompressedInputStream(pa.PythonFile(pipe, mode="r"), "zstd")
            with tarfile.open(fileobj=plain, mode="r|", bufsize=_PIECE) as archive:
                for member in archive:
                    unpacked += _write(archive, member, target)
        except (OSError, tarfile.TarError, BackupError, EOFError) as error:
            failure = error
    thread.join()
    return (failures[0] if failures and not isinstance(failures[0], BrokenPipeError) else failure), unpacked


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> int:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise BackupError(f"the archive names a file outside its folder ({member.name!r})")
    place = target.joinpath(*name.parts)
    if member.isdir():
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        return 0
    content = archive.extractfile(member) if member.isfile() else None
    if content is None:
        raise BackupError(f"the archive holds {member.name!r}, which is neither file nor folder (a tablespace?)")
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = 0
    with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0) as file:
        while piece := content.read(_PIECE):
            written += file.write(piece)
    return written
