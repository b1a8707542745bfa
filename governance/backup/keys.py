"""The keys that backups need, apart from the keyring that holds them."""

from __future__ import annotations

from dataclasses import dataclass, field

from anonymization.encryption import KeyedDigest
from governance.keys import Keyring


@dataclass(frozen=True)
class BackupKeys:
    """What backing up and restoring may use.

    Attributes:
        recipients: age recipients (public keys); a backup can be read by the holder of any one of their identities.
        manifest: keyed digest that seals manifests.
        identity: age identity (private key); only a restore needs it, a backup works without.
    """

    recipients: tuple[str, ...]
    manifest: KeyedDigest = field(repr=False)
    identity: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, keyring: Keyring) -> BackupKeys:
        """The backup keys of an installation's keyring."""
        return cls((keyring.backup_recipient,), keyring.digest("manifest", "backup"), keyring.backup_identity)
