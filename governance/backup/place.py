"""Writing into a backup place, which may be write-once: files are made whole under a new name, or not at all.

A file is written without a name (``O_TMPFILE``) and linked when all of it is on disk; nothing is renamed, overwritten
or removed. Where the file system has no nameless files, a hidden name takes their place.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from governance.errors import BackupError

_PIECE = 1 << 20


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write; it takes its name, mode 0600, when the block ends without an error and it is on disk.

    Raises:
        BackupError: the name is taken, or the place cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, hidden = _nameless(path.parent)
    except OSError as error:
        raise _refused(path, error) from error
    try:
        with os.fdopen(descriptor, "wb", buffering=_PIECE) as file:
            yield file
            file.flush()
            os.fsync(descriptor)
            _link(descriptor, hidden, path)
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise BackupError(f"{path} exists already and is never overwritten") from error
    except OSError as error:
        raise _refused(path, error) from error
    finally:
        if hidden:
            hidden.unlink(missing_ok=True)


def write_once(path: Path, content: bytes) -> None:
    """Write a small file; one that stands already with the same content is left as it is.

    Raises:
        BackupError: a file of that name has other content, or the place cannot be written.
    """
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == content:
            return
    with new_file(path) as file:
        file.write(content)


def _nameless(folder: Path) -> tuple[int, Path | None]:
    try:
        return os.open(folder, os.O_WRONLY | os.O_TMPFILE, 0o600), None
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT):
            raise
    hidden = folder / f".new-{secrets.token_hex(8)}"
    return os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), hidden


def _link(descriptor: int, hidden: Path | None, path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        source = str(hidden) if hidden else f"/proc/self/fd/{descriptor}"
        os.link(source, path.name, dst_dir_fd=folder, follow_symlinks=True)  # linkat: fails where the name is taken
    finally:
        os.close(folder)


def _sync_folder(folder: Path) -> None:
    for place in (folder, folder.parent):  # the folder may be new itself
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _refused(path: Path, error: OSError) -> BackupError:
    return BackupError(f"{path} cannot be written ({error.strerror}); check the backup folder's space and rights")
