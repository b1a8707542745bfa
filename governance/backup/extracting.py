"""Unpacks a compressed tar: standard input → files in a folder, and on standard output what each of them holds.

It runs as a program of its own (by its path, so that nothing else of the project is loaded), while its parent decrypts:
the two fill two cores, and the keys stay with the parent. One line a file on standard output, as JSON:
``{"name", "size", "sha256"}``; on failure one line of words on standard error, and exit status 1.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tarfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import IO

import pyarrow as pa

_BLOCK = tarfile.BLOCKSIZE
_PIECE = 1 << 20
_PIECES = 8


class ArchiveError(Exception):
    """The archive is cut short, or holds what a backup never holds."""


class _Pieces:
    """A few buffers that are used in turn: new memory for each piece would cost more than unpacking it."""

    def __init__(self) -> None:
        self._held = deque((memoryview(bytearray(_PIECE)), _DONE) for _ in range(_PIECES))

    def take(self) -> memoryview:
        """The buffer that was used longest ago, once its content is hashed."""
        buffer, hashed = self._held.popleft()
        hashed.result()
        return buffer

    def give(self, buffer: memoryview, hashed: Future[None]) -> None:
        """Put a buffer back that may be used again when it is hashed."""
        self._held.append((buffer, hashed))


_DONE: Future[None] = Future()
_DONE.set_result(None)


def extract(compressed: IO[bytes], target: Path) -> list[dict[str, str | int]]:
    """Unpack a tar (as PostgreSQL writes it: plain ustar) compressed with zstd into an existing folder.

    Returns:
        Name, size and SHA-256 of each file.

    Raises:
        ArchiveError, tarfile.TarError, OSError: it is damaged or cut short, or a file cannot be written.
    """
    plain = pa.CompressedInputStream(pa.PythonFile(compressed, mode="r"), "zstd")
    pieces, written = _Pieces(), []
    with ThreadPoolExecutor(1, thread_name_prefix="hash") as hashing:
        while (header := _block(plain)) != bytes(_BLOCK):
            member = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
            place = _place(member, target)
            if member.isdir():
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
                continue
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            digest = hashlib.sha256()
            with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", buffering=0) as file:
                left = member.size
                while left:
                    buffer = pieces.take()
                    piece = buffer[: plain.readinto(buffer[: min(left, _PIECE)])]
                    if not piece:
                        raise ArchiveError(f"the archive ends within {member.name!r}")
                    pieces.give(buffer, hashing.submit(digest.update, piece))
                    if file.write(piece) != len(piece):
                        raise ArchiveError(f"{member.name!r} could not be written whole; check the disk's space")
                    left -= len(piece)
            if member.size % _BLOCK:
                plain.read(_BLOCK - member.size % _BLOCK)
            written.append((member.name, member.size, hashing.submit(digest.hexdigest)))
    while plain.read(_PIECE):  # to the end, so that all of it was authenticated
        pass
    return [{"name": name, "size": size, "sha256": digest.result()} for name, size, digest in written]


def _block(plain: pa.CompressedInputStream) -> bytes:
    block: bytes = plain.read(_BLOCK)
    if len(block) != _BLOCK:
        raise ArchiveError("the archive is cut short")
    return block


def _place(member: tarfile.TarInfo, target: Path) -> Path:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise ArchiveError(f"the archive names a file outside its folder ({member.name!r})")
    if not (member.isreg() or member.isdir()):
        raise ArchiveError(f"the archive holds {member.name!r}, which is neither file nor folder")
    return target.joinpath(*name.parts)


def main() -> int:
    """Unpack standard input into the folder of the first argument."""
    try:
        with os.fdopen(sys.stdin.fileno(), "rb", buffering=1 << 20, closefd=False) as compressed:
            found = extract(compressed, Path(sys.argv[1]))
    except (ArchiveError, tarfile.TarError, OSError, EOFError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.writelines(json.dumps(file) + "\n" for file in found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
