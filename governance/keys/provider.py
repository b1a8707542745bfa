"""Who holds the key-encryption key: one interface, and the choice among those that implement it.

``XINGLIN_KEK_PROVIDER`` names the provider of a new keyring, and the one to which ``xinglin keys rotate kek`` moves an
existing keyring: ``software`` (the default), ``pkcs11`` or ``vault``. A keyring says itself whom it was wrapped by, so
opening it needs no setting but the provider's own.

No provider makes this program a certified cryptographic module: the keys that encrypt values are unwrapped into the
memory of the program. What a hardware module or Vault keeps is the key that wraps them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from governance.errors import KeyringError

SOFTWARE, PKCS11, VAULT = "software", "pkcs11", "vault"
_VARIABLE = "XINGLIN_KEK_PROVIDER"
WORDS = {
    SOFTWARE: "软件实现，未经商用密码认证 · software, not a certified cryptographic module",
    PKCS11: "KEK 在 PKCS#11 设备内；本程序自身未经认证 · the KEK stays in a token; this program is not certified",
    VAULT: "KEK 在 Vault transit 内；本程序自身未经认证 · the KEK stays in Vault; this program is not certified",
}


class WrongKekError(KeyringError):
    """The key-encryption key at hand does not open what it was given."""


class KekProvider(Protocol):
    """Wraps and unwraps the keys of a keyring, all of them at once."""

    @property
    def name(self) -> str:
        """The provider's name, as the setting writes it."""
        ...

    def create(self) -> None:
        """Make the key-encryption key of a new keyring, if it is not there.

        Raises:
            KeyringError: one is there that belongs to a lost keyring, or it cannot be made.
        """
        ...

    def wrap(self, secrets: Sequence[bytes]) -> list[str]:
        """Secrets of a multiple of eight bytes, at least 16, as text; errors as in :meth:`unwrap`."""
        ...

    def unwrap(self, wrapped: Sequence[str]) -> list[bytes]:
        """The secrets again.

        Raises:
            WrongKekError: the key-encryption key is another one.
            KeyringError: it cannot be reached.
        """
        ...

    def rotate(self, wrapped: Sequence[str]) -> list[str]:
        """The same secrets under a new key-encryption key; the old one opens the old texts until :meth:`settle`."""
        ...

    def settle(self) -> None:
        """The keyring with the new texts stands on the disk."""
        ...


def chosen(keyring: Path, otherwise: str = SOFTWARE) -> KekProvider:
    """The provider that the setting names, or ``otherwise`` where it names none.

    Raises:
        KeyringError: the setting names none that there is, or the provider's own settings are missing.
    """
    return provider(os.environ.get(_VARIABLE) or otherwise, keyring)


def provider(name: str, keyring: Path) -> KekProvider:
    """The provider of a name; errors as in :func:`chosen`."""
    if name == SOFTWARE:
        from governance.keys.kek import SoftwareKek  # noqa: PLC0415 - one of them is needed

        return SoftwareKek(keyring)
    if name == PKCS11:
        from governance.keys.pkcs11_token import Pkcs11Kek  # noqa: PLC0415

        return Pkcs11Kek.from_environment()
    if name == VAULT:
        from governance.keys.vault import VaultKek  # noqa: PLC0415

        return VaultKek.from_environment()
    raise KeyringError(f"{_VARIABLE} names no provider: '{name}'; there are: {', '.join(WORDS)}")


def environment(variable: str, meaning: str, default: str | None = None) -> str:
    """A provider's setting (KeyringError when it is missing); ``<variable>_FILE`` names a file that holds it."""
    file = os.environ.get(f"{variable}_FILE")
    if file:
        try:
            return Path(file).read_text("utf-8").strip()
        except OSError as error:
            raise KeyringError(f"{variable}_FILE cannot be read ({error.strerror})") from error
    value = os.environ.get(variable) or default
    if value is None:
        raise KeyringError(f"{variable} is not set: {meaning}")
    return value
