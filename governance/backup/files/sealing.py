"""One file's content to one object and back: zstd, then the stream format of the backups; memory is bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO

import pyarrow as pa

from governance.backup.files.snapshot import Contents, StoredObject
from governance.backup.keys import BackupKeys
from governance.backup.streams import HashingReader, HashingWriter, seal, through_pipe
from governance.errors import BackupError

_PIECE = 1 << 20


def store(source: IO[bytes], sink: IO[bytes], keys: BackupKeys, contents: Contents) -> StoredObject:
    """Compress and encrypt a content.

    Raises:
        BackupError: there is no usable key.
        OSError: source or sink fails.
    """
    writer = HashingWriter(sink)
    reader = _Compressing(source, contents)
    seal(reader, writer, keys)
    return StoredObject(content=reader.digest.hexdigest(), size=writer.bytes, sha256=writer.sha256)


def content_of(source: IO[bytes], contents: Contents) -> str:
    """The keyed digest of a content."""
    digest = contents.digest()
    while piece := source.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest()


def fetch(
    source: IO[bytes], wanted: StoredObject, keys: BackupKeys, contents: Contents, sink: Callable[[bytes], object]
) -> int:
    """Decrypt an object piece by piece into ``sink``; bytes of its content.

    Raises:
        BackupError: it is not what was signed, the key does not fit, or its content is not what it is named by. What
            ``sink`` got by then must not be used.
    """
    reader = HashingReader(source)
    digest, size = contents.digest(), 0

    def take(plain: IO[bytes]) -> None:
        nonlocal size
        while piece := plain.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            sink(piece)

    failure = through_pipe(reader, keys, take)
    if (reader.finish(), reader.bytes) != (wanted.sha256, wanted.size):
        raise BackupError("its SHA-256 is not what was signed: it was altered or cut short")
    if failure or digest.hexdigest() != wanted.content:
        words = failure or "its content is not what it is named by"
        raise BackupError(f"it cannot be opened with the keyring at hand ({words})")
    return size


class _Compressing:
    """A reader of the zstd form of a content; feeds the keyed digest with the content on the way."""

    def __init__(self, source: IO[bytes], contents: Contents) -> None:
        self._source, self.digest = source, contents.digest()
        self._pieces = _Pieces()
        self._stream: pa.CompressedOutputStream | None = pa.CompressedOutputStream(
            pa.PythonFile(self._pieces, mode="w"), "zstd"
        )

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes, none at the end."""
        while self._stream is not None and (size < 0 or len(self._pieces.ready) < size):
            piece = self._source.read(_PIECE)
            if piece:
                self.digest.update(piece)
                self._stream.write(piece)
            else:
                self._stream.close()
                self._stream = None
        taken = bytes(self._pieces.ready if size < 0 else self._pieces.ready[:size])
        del self._pieces.ready[: len(taken)]
        return taken


class _Pieces:
    """A file in memory that is emptied from its start."""

    closed = False

    def __init__(self) -> None:
        self.ready = bytearray()

    def write(self, data: bytes) -> int:
        """Add ``data``."""
        self.ready += data
        return len(data)

    def flush(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""
