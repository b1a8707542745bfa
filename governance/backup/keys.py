"""The keys that backups need, apart from the keyring that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from anonymization.encryption import Suite
from governance.backup.signing import Checker, Signer
from governance.keys import Keyring


@dataclass(frozen=True)
class BackupKeys:
    """What backing up and restoring may use.

    Attributes:
        recipients: age recipients (public keys); a backup can be read by the holder of any one of their identities.
        signer: signs manifests and log segments.
        suite: ``intl`` encrypts to the recipients; ``gm`` under the newest of ``stream`` (docs/decisions/0017).
        stream: versions of the symmetric key of the gm stream format; whoever writes in gm can also read.
        identity: age identity (private key); reading needs it, a full backup in suite intl works without.
    """

    recipients: tuple[str, ...]
    signer: Signer = field(repr=False)
    suite: Suite = Suite.INTL
    stream: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    identity: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, keyring: Keyring) -> BackupKeys:
        """The backup keys of an installation's keyring.

        Raises:
            KeyringError: it is one of an older program that has not been brought up to date (``xinglin up`` does it).
        """
        for purpose in ("backup_signing", "backup_stream"):
            keyring.current(purpose)
        return cls(
            (keyring.backup_recipient,),
            Signer(keyring.keys["backup_signing"]),
            keyring.suite,
            keyring.keys["backup_stream"],
            keyring.backup_identity,
        )

    @property
    def checker(self) -> Checker:
        """What signatures are believed."""
        return self.signer.checker
