"""HashiCorp Vault's transit engine as provider: the key-encryption key never leaves Vault.

Over its HTTP API (https://developer.hashicorp.com/vault/api-docs/secret/transit): ``encrypt``, ``decrypt``, ``rewrap``
with ``batch_input``, ``keys/<name>`` and ``keys/<name>/rotate``. Texts are Vault's own, ``vault:v<version>:<base64>``.
Vault's token needs update on ``encrypt``, ``decrypt``, ``rewrap`` and, to rotate, on ``keys/<name>/rotate``.
"""

from __future__ import annotations

import base64
import binascii
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from governance.errors import KeyringError
from governance.keys.provider import VAULT, WrongKekError, environment

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_TIMEOUT = 10.0  # seconds


@dataclass(frozen=True)
class VaultKek:
    """The key of one name in one transit engine. Its repr shows no token.

    Attributes:
        address: ``https://host:port``; plain HTTP only to this machine.
        authority: file of the certificate authority, empty for the system's.
    """

    address: str
    token: str = field(repr=False)
    key: str = "xinglin-kek"
    mount: str = "transit"
    authority: str = ""
    name: str = VAULT

    @classmethod
    def from_environment(cls) -> VaultKek:
        """From ``XINGLIN_VAULT_ADDR``, ``…_TOKEN`` (or ``…_TOKEN_FILE``), ``…_KEY``, ``…_MOUNT``, ``…_CA``.

        Raises:
            KeyringError: one is missing, or the address is plain HTTP to another machine.
        """
        address = environment("XINGLIN_VAULT_ADDR", "the address of Vault, https://host:8200").rstrip("/")
        where = urlsplit(address)
        if where.scheme != "https" and where.hostname not in _LOOPBACK:
            raise KeyringError("XINGLIN_VAULT_ADDR is not https: keys would cross the network in plain; correct it")
        return cls(
            address,
            environment("XINGLIN_VAULT_TOKEN", "a token of Vault that may use the transit key"),
            environment("XINGLIN_VAULT_KEY", "", "xinglin-kek"),
            environment("XINGLIN_VAULT_MOUNT", "", "transit"),
            environment("XINGLIN_VAULT_CA", "", ""),
        )

    def create(self) -> None:
        """Make the transit key (AES-256-GCM) if there is none; it cannot be exported."""
        self._post(f"keys/{self._name()}", {"type": "aes256-gcm96", "exportable": False})

    def wrap(self, secrets: Sequence[bytes]) -> list[str]:
        """As the interface says."""
        items = [{"plaintext": base64.b64encode(secret).decode("ascii")} for secret in secrets]
        return self._batch("encrypt", items, "ciphertext")

    def unwrap(self, wrapped: Sequence[str]) -> list[bytes]:
        """As the interface says."""
        found = self._batch("decrypt", [{"ciphertext": text} for text in wrapped], "plaintext")
        try:
            return [base64.b64decode(text, validate=True) for text in found]
        except binascii.Error as error:
            raise KeyringError(f"Vault at {self.address} answered what is not base64; check its version") from error

    def rotate(self, wrapped: Sequence[str]) -> list[str]:
        """A new version of the transit key; Vault wraps anew without giving the secrets out."""
        self._post(f"keys/{self._name()}/rotate", {})
        return self._batch("rewrap", [{"ciphertext": text} for text in wrapped], "ciphertext")

    def settle(self) -> None:
        """Nothing to do: Vault keeps old versions until ``min_decryption_version`` is raised there."""

    def _name(self) -> str:
        return quote(self.key, safe="")

    def _batch(self, action: str, items: list[dict[str, str]], wanted: str) -> list[str]:
        answer = self._post(f"{action}/{self._name()}", {"batch_input": items})
        try:
            results = [str(result[wanted]) for result in answer["data"]["batch_results"]]
        except (KeyError, TypeError) as error:
            raise WrongKekError(f"Vault's key '{self.key}' does not open the keyring: it is another key") from error
        if len(results) != len(items):
            raise KeyringError(f"Vault at {self.address} answered {len(results)} of {len(items)} keys; try again")
        return results

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        context = ssl.create_default_context(cafile=self.authority or None)
        try:
            with httpx.Client(verify=context, timeout=_TIMEOUT, trust_env=False, follow_redirects=False) as client:
                answer = client.post(
                    f"{self.address}/v1/{self.mount}/{path}", json=body, headers={"X-Vault-Token": self.token}
                )
        except (httpx.HTTPError, OSError) as error:
            raise KeyringError(
                f"Vault at {self.address} cannot be reached ({type(error).__name__}); see that it runs and is unsealed"
            ) from error
        if answer.status_code == httpx.codes.BAD_REQUEST and "decrypt" in path:
            raise WrongKekError(f"Vault's key '{self.key}' does not open the keyring: it is another key")
        if answer.status_code >= httpx.codes.BAD_REQUEST or answer.is_redirect:
            raise KeyringError(
                f"Vault at {self.address} refused {path.partition('/')[0]} ({answer.status_code}); check the token's "
                f"policy, that it is unsealed, and that the engine '{self.mount}' and the key '{self.key}' exist"
            )
        return answer.json() if answer.content else {}
