"""Where things are: one frozen object, read once from the environment, passed on to whoever needs it.

Every path and switch can be set by an environment variable of the same name with the prefix ``XINGLIN_``
(``XINGLIN_DELIVERIES``, ``XINGLIN_STATE`` …). No secret is held here: passwords come from Airflow connections in a
DAG and from the runtime's own secrets file on the command line (:mod:`governance.database`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from anonymization.encryption import Suite
from governance.errors import SettingsError

PROJECT = Path(__file__).resolve().parent.parent
_PREFIX = "XINGLIN_"


class Settings(BaseModel):
    """Paths and switches of one installation.

    Attributes:
        project: the checkout (code, contracts, dbt project).
        state: the one ignored folder that holds all local state (database files, keys, logs, backups, sample files).
        deliveries: the folder into which source systems deliver their files.
        contracts: folder of contracts, ``<source>/<table>.odcs.yaml``.
        reference: value sets as CSV files.
        policy: the de-identification policy file.
        projects: folder of research project specifications.
        dbt_project: the dbt project.
        keyring: the key file, outside the database.
        backups: the folder into which encrypted backups are written.
        backup_policy: the retention policy of backups.
        backup_copy: a second place, write-once, to which backups and log are copied; ``None``: there is none.
        drill_schedule: when the restore drill runs: a cron expression, hospital time.
        backup_adapter: what takes backups: ``embedded``, or ``pgbackrest`` on a server.
        pgbackrest: cluster and repositories of the adapter ``pgbackrest``.
        files_policy: which files are backed up beside the database, and to where.
        archive_heartbeat_seconds: how old the archive of the write-ahead log may be while nobody works.
        audit_checkpoints: the folder of signed audit checkpoints; to prove anything it belongs to another custodian.
        audit_chain: MAC of the audit chain, ``hmac-sha256`` or ``hmac-sm3``.
        audit_heartbeat_hours: after how many hours without a heartbeat the audit log counts as cut off.
        batch_rows: rows of a collection batch, the unit of memory, hashing, transaction and repetition.
        suite: cipher suite of a new keyring, ``intl`` or ``gm`` 国密; a contract may name another for a field.
        shards: number of parallel de-identification tasks.
        review_texts: how many of the texts that a run scrubbed are drawn for human review; 0 draws none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    project: Path = PROJECT
    state: Path = PROJECT / ".xinglin"
    deliveries: Path = PROJECT / ".xinglin" / "deliveries"
    contracts: Path = PROJECT / "include" / "contracts"
    reference: Path = PROJECT / "include" / "reference"
    policy: Path = PROJECT / "include" / "policy" / "deidentification.yaml"
    projects: Path = PROJECT / "include" / "projects"
    dbt_project: Path = PROJECT / "dbt_project"
    keyring: Path = PROJECT / ".xinglin" / "keys" / "keyring.json"
    backups: Path = PROJECT / ".xinglin" / "backups"
    backup_policy: Path = PROJECT / "include" / "policy" / "backup.yaml"
    backup_copy: Path | None = None
    drill_schedule: str = "30 4 * * *"
    backup_adapter: Literal["embedded", "pgbackrest"] = "embedded"
    pgbackrest: Path = PROJECT / "include" / "policy" / "pgbackrest.yaml"
    files_policy: Path = PROJECT / "include" / "policy" / "files.yaml"
    archive_heartbeat_seconds: float = 30.0
    audit_checkpoints: Path = PROJECT / ".xinglin" / "audit_checkpoints"
    audit_chain: Literal["hmac-sha256", "hmac-sm3"] = "hmac-sha256"
    audit_heartbeat_hours: int = 36  # collect runs every night
    batch_rows: int = 100_000
    suite: Suite = Suite.INTL
    shards: int = 2
    review_texts: int = Field(default=100, ge=0)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings; paths under the state folder follow ``XINGLIN_STATE`` unless set on their own.

        Raises:
            SettingsError: a value is malformed, or a variable with the prefix names no setting.
        """
        source = os.environ if environment is None else environment
        known = set(cls.model_fields)
        values: dict[str, str | Path] = {
            name: source[_PREFIX + name.upper()] for name in known if source.get(_PREFIX + name.upper())
        }
        if "state" in values:
            state = Path(values["state"]).absolute()
            values["state"] = state
            values.setdefault("deliveries", state / "deliveries")
            values.setdefault("keyring", state / "keys" / "keyring.json")
            values.setdefault("backups", state / "backups")
            values.setdefault("audit_checkpoints", state / "audit_checkpoints")
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            raise SettingsError(
                f"setting {_PREFIX}{str(first['loc'][0]).upper()} is not usable: {first['msg']}; correct it, run again"
            ) from error
