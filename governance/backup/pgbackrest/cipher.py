"""pgBackRest's files read without it: its cipher, its compression, and its own checksum of its lists.

Cipher (``repoN-cipher-type=aes-256-cbc``): the form of ``openssl enc -aes-256-cbc -md sha1``, that is ``Salted__``,
8 bytes of salt, AES-256-CBC with PKCS #7 padding, key and vector by EVP_BytesToKey (SHA-1, one round). It has no MAC:
that a file is what was backed up is known only from the SHA-1 in the backup's manifest, which is checked here.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import IO

import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from governance.errors import BackupError

_MAGIC = b"Salted__"
_BLOCK = 16
_PIECE = 1 << 20


class Decrypting:
    """A file that decrypts what is read from it, and hashes (SHA-1) what it reads.

    Raises:
        ValueError: while reading, when it is no such file or ends in no padding (a wrong passphrase, or damage).
    """

    closed = False

    def close(self) -> None:
        """Nothing to do: who opened the file closes it."""

    def __init__(self, file: IO[bytes], passphrase: str) -> None:
        self._file = file
        self.stored = hashlib.sha1(usedforsecurity=False)
        head = self._take(len(_MAGIC) + 8)
        if not head.startswith(_MAGIC) or len(head) != len(_MAGIC) + 8:
            raise ValueError("it is not encrypted as pgBackRest encrypts")
        secret, material = b"", b""
        while len(material) < 48:
            secret = hashlib.sha1(secret + passphrase.encode() + head[8:], usedforsecurity=False).digest()
            material += secret
        self._cipher = Cipher(algorithms.AES(material[:32]), modes.CBC(material[32:48])).decryptor()
        self._held, self._ready, self._at, self._ended = b"", b"", 0, False

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes, all of them without, none at the end."""
        if size < 0:
            return b"".join(iter(lambda: self.read(_PIECE), b""))
        while self._at >= len(self._ready) and not self._ended:
            self._ready, self._at = self._more(), 0
        taken = self._ready[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def _more(self) -> bytes:
        piece = self._take(_PIECE)
        if not piece:
            return self._finish()
        plain = self._held + self._cipher.update(piece)
        cut = max(len(plain) - _BLOCK, 0)  # the last block holds the padding
        self._held = plain[cut:]
        return plain[:cut]

    def _finish(self) -> bytes:
        self._ended = True
        last = self._held + self._cipher.finalize()
        count = last[-1] if last else 0
        if len(last) != _BLOCK or not 1 <= count <= _BLOCK or last[-count:] != bytes([count]) * count:
            raise ValueError("its padding is wrong: the passphrase does not fit, or it is damaged")
        return last[:-count]

    def _take(self, size: int) -> bytes:
        piece = self._file.read(size)
        self.stored.update(piece)
        return piece


@dataclass(frozen=True)
class Read:
    """What a file of a repository holds: SHA-1 and bytes of its plain content, SHA-1 of the file as it lies there."""

    sha1: str
    size: int
    stored_sha1: str
    plain: bytes = b""


def examine(file: IO[bytes], passphrase: str, name: str, *, keep: bool = False) -> Read:
    """Decrypt a file to its end, decompress it if its name says so, and hash it; memory is bounded unless ``keep``.

    Raises:
        BackupError: it cannot be decrypted or decompressed.
    """
    digest, size, kept = hashlib.sha1(usedforsecurity=False), 0, []
    try:
        plain = Decrypting(file, passphrase)
        source = pa.CompressedInputStream(pa.PythonFile(plain, mode="r"), "zstd") if name.endswith(".zst") else plain
        while piece := source.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            if keep:
                kept.append(piece)
        while plain.read(_PIECE):
            raise ValueError("something follows the compressed content")
    except (ValueError, OSError, pa.ArrowException) as error:
        raise BackupError(f"{name} cannot be decrypted and decompressed ({str(error).splitlines()[0]})") from error
    return Read(digest.hexdigest(), size, plain.stored.hexdigest(), b"".join(kept))


def read_list(text: str) -> dict[str, dict[str, str]]:
    """Sections of one of pgBackRest's lists (``*.info``, ``backup.manifest``): section → key → JSON text.

    Raises:
        ValueError: it is no such list, or its content is not what its own checksum says.
    """
    sections: dict[str, dict[str, str]] = {}
    section: dict[str, str] = {}
    wanted = ""
    for line in text.splitlines():
        if line.startswith("[") and line.endswith("]"):
            section = sections.setdefault(line[1:-1], {})
        elif line:
            key, _, value = line.partition("=")
            if key == "backrest-checksum":
                wanted = json.loads(value)
            else:
                section[key] = value
    content = ",".join(
        f"{json.dumps(name)}:{{{','.join(f'{json.dumps(key)}:{value}' for key, value in sorted(values.items()))}}}"
        for name, values in sorted(sections.items())
    )
    found = hashlib.sha1(f"{{{content}}}".encode(), usedforsecurity=False).hexdigest()
    if not wanted or found != wanted:
        raise ValueError("its content is not what its own checksum says")
    return sections
