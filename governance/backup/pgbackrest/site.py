"""What pgBackRest backs up and to where: ``include/policy/pgbackrest.yaml``, and the configuration file made of it."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from governance.backup.keys import BackupKeys
from governance.backup.policy import Keep, read_policy
from governance.errors import BackupError
from governance.runtime.placement import ServerUser

_NEVER = 9_999_999  # the tool's largest number: its own retention lets nothing go, ours decides (backups.py)


class Repository(BaseModel):
    """One place of backups: a folder (``path``), or any other store that the tool's ``options`` describe.

    Attributes:
        options: pgBackRest's ``repoN-<name>`` options without the prefix, e.g. ``{"type": "s3", "s3-bucket": …}``.
        keep: how many periods keep their newest backup in this place.
        log_days: log is kept for every backup of the last so many days.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    options: Mapping[str, str] = {}
    keep: Keep
    log_days: int = Field(ge=1)

    @property
    def folder(self) -> Path | None:
        """Where its files can be opened directly, ``None`` when only the tool reaches them."""
        return self.path if self.options.get("type", "posix") in ("posix", "cifs") and not self._elsewhere else None

    @property
    def _elsewhere(self) -> bool:
        return any(name.startswith("host") for name in self.options)


class Site(BaseModel):
    """One cluster and its repositories; the policy file explains each key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1]
    stanza: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")
    data_dir: Path
    socket_dir: Path
    port: int = Field(ge=1, le=65535)
    user: str
    database: str = "warehouse"
    work_dir: Path
    password_file: Path | None = None
    process_max: int = Field(ge=1, le=999)
    passphrase_version: int = Field(ge=1)
    repositories: tuple[Repository, ...] = Field(min_length=2, max_length=4)

    @field_validator("data_dir", "socket_dir", "password_file", "work_dir")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        if path is not None and not path.is_absolute():
            raise ValueError("must be an absolute path")
        return path

    @model_validator(mode="after")
    def _distinct(self) -> Site:
        places = [(item.path, tuple(sorted(item.options.items()))) for item in self.repositories]
        if len(set(places)) != len(places) or not all(item.path.is_absolute() for item in self.repositories):
            raise ValueError("repositories must lie in different places, at absolute paths")
        return self

    def number(self, repository: Repository) -> int:
        """The tool's number of a repository, from 1."""
        return self.repositories.index(repository) + 1

    def passphrase(self, repository: Repository, keys: BackupKeys) -> str:
        """The passphrase of a repository, derived from the keyring, which alone opens it after a disaster.

        Raises:
            BackupError: the keyring no longer holds the version that the site names.
        """
        secret = keys.stream.get(self.passphrase_version)
        if secret is None:
            raise BackupError(
                f"the keyring holds no version {self.passphrase_version} of backup_stream, from which the passphrases "
                "of the pgBackRest repositories were derived; restore the keyring"
            )
        info = f"xinglin pgbackrest {self.stanza} repo{self.number(repository)}".encode()
        return base64.b64encode(HKDF(SHA256(), 48, None, info).derive(secret)).decode()

    @property
    def config(self) -> Path:
        """The tool's configuration file."""
        return self.work_dir / "pgbackrest.conf"

    @property
    def archive_command(self) -> str:
        """What PostgreSQL runs for each finished segment."""
        return f"pgbackrest --config={self.config} --stanza={self.stanza} archive-push %p"

    def configuration(self, keys: BackupKeys) -> str:
        """Content of the tool's configuration file. It holds the passphrases.

        Raises:
            BackupError: the keyring lacks a key.
        """
        lines = ["# Written by Xinglin from include/policy/pgbackrest.yaml and the keyring; changes are overwritten."]
        lines += ["[global]"]
        for repository in self.repositories:
            values = {
                "path": str(repository.path),
                **repository.options,
                "cipher-type": "aes-256-cbc",
                "cipher-pass": self.passphrase(repository, keys),
                "retention-full": str(_NEVER),
                "retention-full-type": "count",
            }
            lines += [f"repo{self.number(repository)}-{name}={value}" for name, value in values.items()]
        common = {
            "expire-auto": "n",
            "compress-type": "zst",  # the default, gz, takes five times as long
            "compress-level": "3",
            "process-max": str(self.process_max),
            "start-fast": "y",
            "archive-check": "y",
            "checksum-page": "y",
            "log-path": str(self.work_dir / "log"),
            "lock-path": str(self.work_dir / "lock"),
            "log-level-file": "detail",
            "log-level-console": "warn",
        }
        lines += [f"{name}={value}" for name, value in common.items()]
        lines += [f"[{self.stanza}]", f"pg1-path={self.data_dir}", f"pg1-socket-path={self.socket_dir}"]
        lines += [f"pg1-port={self.port}", f"pg1-user={self.user}", "pg1-database=postgres"]
        return "\n".join(lines) + "\n"


def load_site(path: Path) -> Site:
    """Read the site's file.

    Raises:
        BackupError: it cannot be read, or a key is missing, unknown, doubled or out of range; names file and key.
    """
    return read_policy(path, Site)


def write_configuration(site: Site, keys: BackupKeys, user: ServerUser) -> None:
    """Write the tool's configuration for the user who runs it, mode 0600.

    Raises:
        BackupError: the folder cannot be written, or a key is missing.
    """
    content = site.configuration(keys)
    try:
        for name in ("log", "lock"):
            (site.work_dir / name).mkdir(mode=0o750, parents=True, exist_ok=True)
        unfinished = site.config.with_suffix(".new")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        unfinished.replace(site.config)
        user.take_over(site.work_dir)
    except OSError as error:
        raise BackupError(f"{site.config} cannot be written ({error.strerror}); check the folder's rights") from error
