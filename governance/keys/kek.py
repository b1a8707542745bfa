"""The key-encryption key: from the environment, or from the file ``kek`` beside the keyring."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

from governance.errors import KeyringError

KEY_BYTES = 32
NEXT_FILE = "kek.next"
_VARIABLE, _NEXT_VARIABLE = "XINGLIN_KEK", "XINGLIN_KEK_NEXT"


def given_kek(variable: str = _VARIABLE) -> bytes | None:
    """The key-encryption key that the environment gives, None if it gives none.

    Raises:
        KeyringError: it is not 32 bytes in base64.
    """
    encoded = os.environ.get(variable)
    if not encoded:
        return None
    try:
        kek = base64.b64decode(encoded.strip(), validate=True)
    except ValueError as error:
        raise KeyringError(f"{variable} is not base64; make a key with `openssl rand -base64 32`") from error
    if len(kek) != KEY_BYTES:
        raise KeyringError(f"{variable} holds {len(kek)} bytes, not 32; make one with `openssl rand -base64 32`")
    return kek


def next_kek() -> bytes | None:
    """The key to wrap under from now on, None when it is to be made and kept in a file.

    Raises:
        KeyringError: the environment gives the present key but not the next one.
    """
    if given_kek() is None:
        return None
    following = given_kek(_NEXT_VARIABLE)
    if following is None:
        raise KeyringError(
            f"the key-encryption key comes from {_VARIABLE}: put the new one (`openssl rand -base64 32`) into "
            f"{_NEXT_VARIABLE}, rotate, then set {_VARIABLE} to it"
        )
    return following


def possible_keks(keyring: Path) -> Iterator[bytes]:
    """Keys under which the keyring may be wrapped: the present one, then one that a rotation was bringing in.

    Raises:
        KeyringError: there is none, or it is malformed.
    """
    given = given_kek()
    if given is not None:
        yield given
        following = given_kek(_NEXT_VARIABLE)
        if following is not None:
            yield following
        return
    file = keyring.with_name("kek")
    if not file.exists():
        raise KeyringError(f"{file} is missing; `xinglin up` makes a new keyring, or restore it")
    for candidate in (file, keyring.with_name(NEXT_FILE)):
        if candidate.exists():
            yield base64.b64decode(candidate.read_bytes().strip(), validate=True)


def write_private(path: Path, content: bytes) -> None:
    """Write a file whole, mode 0600, never half."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
