"""A PKCS#11 token as provider: the key-encryption key is made in the token, wraps there and cannot be taken out.

Secrets are wrapped with AES key wrap (``CKM_AES_KEY_WRAP``, RFC 3394). A text is ``<label>:<base64>``; keys have labels
with a number, ``xinglin-kek-1``, and a rotation makes the next one. Modules that speak GM/T 0018 (SDF) are reached
through their vendor's PKCS#11 library. Needs the package python-pkcs11 (the extra ``pkcs11``).
"""

from __future__ import annotations

import base64
import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from governance.errors import KeyringError
from governance.keys.provider import PKCS11, WrongKekError, environment


@dataclass(frozen=True)
class Pkcs11Kek:
    """The numbered keys of one label in one token. Its repr shows no PIN.

    Attributes:
        module: file of the vendor's PKCS#11 library.
        token: label of the token.
        label: of the keys, without the number.
    """

    module: str
    token: str
    pin: str = field(repr=False)
    label: str = "xinglin-kek"
    name: str = PKCS11

    @classmethod
    def from_environment(cls) -> Pkcs11Kek:
        """From ``XINGLIN_PKCS11_MODULE``, ``…_TOKEN``, ``…_PIN`` (or ``…_PIN_FILE``) and ``…_KEY``.

        Raises:
            KeyringError: one is missing.
        """
        return cls(
            environment("XINGLIN_PKCS11_MODULE", "the file of the vendor's PKCS#11 library"),
            environment("XINGLIN_PKCS11_TOKEN", "the label of the token"),
            environment("XINGLIN_PKCS11_PIN", "the user PIN of the token"),
            environment("XINGLIN_PKCS11_KEY", "", "xinglin-kek"),
        )

    def create(self) -> None:
        """Make key number one, if there is none."""
        with self._session() as (pkcs11, session):
            if not self._numbers(pkcs11, session):
                self._generate(pkcs11, session, 1)

    def wrap(self, secrets: Sequence[bytes]) -> list[str]:
        """As the interface says; under the newest key."""
        with self._session() as (pkcs11, session):
            numbers = self._numbers(pkcs11, session)
            if not numbers:
                raise KeyringError(f"the token '{self.token}' has no key '{self.label}-…'; check token and label")
            return self._wrapped(pkcs11, session, secrets, max(numbers))

    def unwrap(self, wrapped: Sequence[str]) -> list[bytes]:
        """As the interface says; each text names its key."""
        with self._session() as (pkcs11, session):
            return self._unwrapped(pkcs11, session, wrapped)

    def rotate(self, wrapped: Sequence[str]) -> list[str]:
        """A new key in the token, under which the same secrets are wrapped; the old keys stay in the token."""
        with self._session() as (pkcs11, session):
            secrets = self._unwrapped(pkcs11, session, wrapped)
            following = max(self._numbers(pkcs11, session)) + 1
            self._generate(pkcs11, session, following)
            return self._wrapped(pkcs11, session, secrets, following)

    def settle(self) -> None:
        """Nothing to do: old keys are needed by older copies of the keyring, and are deleted with the token's tools."""

    @contextmanager
    def _session(self) -> Iterator[tuple[Any, Any]]:
        try:
            pkcs11 = importlib.import_module("pkcs11")
        except ImportError as error:
            raise KeyringError("python-pkcs11 is not installed; install it: pip install 'xinglin[pkcs11]'") from error
        try:
            token = pkcs11.lib(self.module).get_token(token_label=self.token)
            with token.open(rw=True, user_pin=self.pin) as session:
                yield pkcs11, session
        except (pkcs11.PKCS11Error, RuntimeError) as error:
            raise KeyringError(
                f"the token '{self.token}' of {self.module} refused ({type(error).__name__}); check module, token and "
                "PIN (a wrong PIN locks a token after a few tries)"
            ) from error

    def _numbers(self, pkcs11: Any, session: Any) -> list[int]:
        found = session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY})
        endings = [key.label.removeprefix(f"{self.label}-") for key in found if key.label.startswith(f"{self.label}-")]
        return sorted(int(ending) for ending in endings if ending.isdigit())

    def _generate(self, pkcs11: Any, session: Any, number: int) -> None:
        attribute = pkcs11.Attribute
        session.generate_key(
            pkcs11.KeyType.AES,
            256,
            label=f"{self.label}-{number}",
            store=True,
            template={
                attribute.EXTRACTABLE: False,
                attribute.SENSITIVE: True,
                attribute.WRAP: True,
                attribute.UNWRAP: True,
            },
        )

    def _wrapped(self, pkcs11: Any, session: Any, secrets: Sequence[bytes], number: int) -> list[str]:
        label, attribute = f"{self.label}-{number}", pkcs11.Attribute
        kek, texts = self._key(pkcs11, session, label), []
        for secret in secrets:
            template = {
                attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY,
                attribute.KEY_TYPE: pkcs11.KeyType.GENERIC_SECRET,
                attribute.VALUE: secret,
                attribute.TOKEN: False,
                attribute.EXTRACTABLE: True,
                attribute.SENSITIVE: False,
            }
            held = session.create_object(template)
            sealed = kek.wrap_key(held, mechanism=pkcs11.Mechanism.AES_KEY_WRAP)
            held.destroy()
            texts.append(f"{label}:{base64.b64encode(sealed).decode('ascii')}")
        return texts

    def _unwrapped(self, pkcs11: Any, session: Any, wrapped: Sequence[str]) -> list[bytes]:
        attribute, secrets = pkcs11.Attribute, []
        for text in wrapped:
            label, _, encoded = text.rpartition(":")
            try:
                held = self._key(pkcs11, session, label).unwrap_key(
                    pkcs11.ObjectClass.SECRET_KEY,
                    pkcs11.KeyType.GENERIC_SECRET,
                    base64.b64decode(encoded),
                    mechanism=pkcs11.Mechanism.AES_KEY_WRAP,
                    store=False,
                    template={attribute.EXTRACTABLE: True, attribute.SENSITIVE: False},
                )
            except pkcs11.PKCS11Error as error:
                raise WrongKekError(
                    f"the key '{label}' of the token '{self.token}' does not open the keyring ({type(error).__name__})"
                ) from error
            secrets.append(bytes(held[attribute.VALUE]))
            held.destroy()
        return secrets

    def _key(self, pkcs11: Any, session: Any, label: str) -> Any:
        try:
            return session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, label=label)
        except pkcs11.NoSuchKey as error:
            raise WrongKekError(
                f"the token '{self.token}' has no key '{label}': it is not the one of this keyring"
            ) from error
