"""Software as provider of the key-encryption key: from the environment, or from the file ``kek`` beside the keyring.

Wraps with AES key wrap (RFC 3394). Not a certified cryptographic module.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from governance.errors import KeyringError
from governance.keys.provider import SOFTWARE, WrongKekError

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


class SoftwareKek:
    """The provider ``software`` of one keyring file (:class:`governance.keys.provider.KekProvider`)."""

    name = SOFTWARE

    def __init__(self, keyring: Path) -> None:
        self._keyring, self._file = keyring, keyring.with_name("kek")
        self._following = keyring.with_name(NEXT_FILE)
        self._fitting: bytes | None = None

    def create(self) -> None:
        """Make the file ``kek``, unless the environment gives the key.

        Raises:
            KeyringError: the file is there without its keyring (a lost keyring must not be papered over).
        """
        if self._file.exists():
            raise KeyringError(
                f"{self._file} exists but {self._keyring} does not: restore the keyring from its own backup"
            )
        self._fitting = given_kek()
        if self._fitting is None:
            self._fitting = os.urandom(KEY_BYTES)
            write_private(self._file, base64.b64encode(self._fitting) + b"\n")

    def wrap(self, secrets: Sequence[bytes]) -> list[str]:
        """Under the key that opened the keyring, or that was made for it."""
        kek = self._fitting or next(possible_keks(self._keyring))
        return [base64.b64encode(aes_key_wrap(kek, secret)).decode("ascii") for secret in secrets]

    def unwrap(self, wrapped: Sequence[str]) -> list[bytes]:
        """Under whichever key fits: the present one, or one that a rotation was bringing in."""
        sealed = [base64.b64decode(text) for text in wrapped]
        failure: InvalidUnwrap | None = None
        for kek in possible_keks(self._keyring):
            try:
                secrets = [aes_key_unwrap(kek, secret) for secret in sealed]
            except InvalidUnwrap as error:
                failure = error
            else:
                self._fitting = kek
                return secrets
        raise WrongKekError(
            f"the key-encryption key does not open {self._keyring}: it belongs to another keyring"
        ) from failure

    def rotate(self, wrapped: Sequence[str]) -> list[str]:
        """Under ``XINGLIN_KEK_NEXT`` if the environment gives the key, else under a new one in ``kek.next``."""
        given = next_kek()
        secrets = self.unwrap(wrapped)
        if given is None:
            if self._following.exists() and base64.b64decode(self._following.read_bytes()) == self._fitting:
                self._following.replace(self._file)  # a killed rotation had come this far
            given = os.urandom(KEY_BYTES)
            write_private(self._following, base64.b64encode(given) + b"\n")
        self._fitting = given
        return self.wrap(secrets)

    def settle(self) -> None:
        """The new key takes the place of the file ``kek``; a keyring that has gone to another provider needs none."""
        if self._following.exists():
            self._following.replace(self._file)

    def retire(self) -> None:
        """Remove the files: the keyring is wrapped by another provider."""
        self._following.unlink(missing_ok=True)
        self._file.unlink(missing_ok=True)
