"""The opened keyring: every key of the installation, by purpose and version, and what is made with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from anonymization.encryption import BlindIndexer, FieldCipher, KeyedDigest, KeyHolder, Suite, Tokeniser
from governance.errors import KeyringError
from governance.keys.persons import PersonKeys
from governance.keys.use import KeyUse

PURPOSES = (
    *(
        "field",
        "quarantine",
        "token",
        "blind_index",
        "row_hash",
        "pseudonym",
        "audit_chain",
        "person_salt",
        "tombstone",
    ),
    *("backup_signing", "backup_stream"),  # seed of an Ed25519 key; wrapping key of the gm stream format
)
KEY_IDS = {"field": 1, "quarantine": 2}
"""Key ids in ciphertexts, by purpose. Ids are never given to another purpose."""
SALTED_IDS = {"field": 3, "quarantine": 4}
"""Key ids of the same keys in ciphertexts of persons that have a salt (:mod:`governance.keys.persons`)."""


@dataclass(frozen=True)
class Keyring:
    """Opened keys of one installation. Its repr shows no key.

    Attributes:
        audit_signing: secret half of the Ed25519 key (RFC 8032) that signs audit checkpoints, 32 bytes.
        suite: suite of the installation; the contract may name another for a field's ciphertext.
        pending: versions that are known but not used for new values yet (blind indexes while they are rewritten).
        use: where encryptions are counted; ``None`` counts nothing (a keyring made in memory).
        person_store: the file of the persons' salts; ``None`` where persons have none (a keyring made in memory).
        reload: opens the same keyring again, to learn of later versions.
    """

    keys: dict[str, dict[int, bytes]] = field(repr=False)
    backup_recipient: str
    backup_identity: str = field(repr=False)
    audit_signing: bytes = field(default=b"", repr=False)
    suite: Suite = Suite.INTL
    pending: frozenset[tuple[str, int]] = frozenset()
    use: KeyUse | None = field(default=None, repr=False, compare=False)
    person_store: Path | None = None
    reload: Callable[[], Keyring] | None = field(default=None, repr=False, compare=False)

    _ciphers: dict[str, FieldCipher] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def persons(self) -> PersonKeys | None:
        """The persons' salts, or ``None`` where there are none.

        Raises:
            KeyringError: the keyring is of an older program and has no key for them (``xinglin up`` adds it).
        """
        if self.person_store is None:
            return None
        return PersonKeys(self.person_store, self.key("person_salt"), self.digest("tombstone", "patient_key"))

    def current(self, purpose: str) -> int:
        """The version that new values of a purpose get.

        Raises:
            KeyringError: the keyring has no key for the purpose.
        """
        versions = [v for v in self.keys.get(purpose, {}) if (purpose, v) not in self.pending]
        if not versions:
            raise KeyringError(f"the keyring has no key for '{purpose}'; it may be older than this program")
        return max(versions)

    def key(self, purpose: str) -> bytes:
        """The key that new values of a purpose get; errors as in :meth:`current`."""
        version = self.current(purpose)
        return self.keys[purpose][version]

    def cipher(self, purpose: str = "field") -> FieldCipher:
        """Cipher of field values (``field``) or whole refused lines (``quarantine``); one a keyring, with its cache."""
        if purpose not in self._ciphers:
            self._ciphers[purpose] = self._cipher(purpose)
        return self._ciphers[purpose]

    def _cipher(self, purpose: str) -> FieldCipher:
        current = self.current(purpose)
        reserve = partial(self.use.reserve, purpose) if self.use else _count_nothing
        holder = KeyHolder(reserve=reserve, reload=partial(self._versions_now, purpose), salts=self.persons)
        ids = {"key_id": KEY_IDS.get(purpose, 0), "salted_id": SALTED_IDS.get(purpose, 0)}
        return FieldCipher(self.keys[purpose], current, suite=self.suite, holder=holder, **ids)

    def tokeniser(self) -> Tokeniser:
        """Makes tokens of record and patient numbers."""
        return Tokeniser(self.key("token"), self.suite)

    def blind_indexer(self, version: int | None = None) -> BlindIndexer:
        """Makes blind indexes of identifiers, and looks up under every live version.

        Args:
            version: make indexes of this version in place of the current one.
        """
        made = self.current("blind_index") if version is None else version
        versions = self.keys["blind_index"]
        return BlindIndexer(versions[made], self.suite, [key for v, key in sorted(versions.items()) if v != made])

    def digest(self, purpose: str, domain: str) -> KeyedDigest:
        """Keyed digest under the key of ``purpose`` (``row_hash``, ``pseudonym``)."""
        return KeyedDigest(self.key(purpose), domain, self.suite)

    def _versions_now(self, purpose: str) -> Mapping[int, bytes]:
        return self.reload().keys.get(purpose, {}) if self.reload else self.keys.get(purpose, {})


def _count_nothing(_version: int, _count: int) -> None:
    """A keyring made in memory encrypts for one process only."""
