"""The evidence of a drill: one JSON document, signed with the key that signs audit checkpoints (Ed25519, RFC 8032).

Whoever holds the public key can check it, without a database, a keyring or this installation.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from governance.backup.drill.outcomes import Check, State, Step
from governance.backup.place import write_once
from governance.backup.signing import Checker, Signer, key_id
from governance.errors import BackupError
from governance.keys import Keyring
from governance.settings import Settings

_DOMAIN = b"xinglin drill 1\n"


class Evidence(BaseModel):
    """One drill.

    Attributes:
        kind: ``time`` (to a moment, drawn or given), ``latest`` (as far as the log goes) or ``ransomware``.
        operator: who started it, a login or ``airflow``.
        adapter, program, server_version: what was used.
        seed: with which the moment was drawn; ``None`` when it was given.
        target: the wanted moment; for ``latest`` the moment at which the drill began, as if the server had died then.
        earliest, until: what was recoverable when the drill began.
        recovered_to: newest commit in the copy; ``size``: bytes of its files.
        rpo_seconds: age of the moment before which nothing is lost, at the drill's start: of ``latest`` and
            ``ransomware`` not before the newest commit that was replayed, and of all what the archive says; ``None`` if
            unknown.
        rto_seconds: from the start of the drill until the copy accepted connections.
        row_age_seconds: age of the newest commit in the copy at the target.
        notes: what a reader must know to read the rest (what a protection does not protect against …).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    drill_id: str
    kind: Literal["time", "latest", "ransomware"]
    run_id: str
    operator: str
    adapter: str
    program: str
    server_version: int | None
    started_at: AwareDatetime
    ended_at: AwareDatetime
    seed: int | None
    target: AwareDatetime | None
    earliest: AwareDatetime | None
    until: AwareDatetime | None
    backup_id: str | None
    recovered_to: AwareDatetime | None
    size: int
    rpo_seconds: float | None
    rto_seconds: float | None
    row_age_seconds: float | None
    rpo_limit: float
    rto_limit: float
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = ()
    passed: bool
    signature: str = ""

    @property
    def failures(self) -> list[Check]:
        """The checks that failed."""
        return [check for check in self.checks if check.state is State.FAILED]

    def content(self) -> bytes:
        """The bytes of its file."""
        return (json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def good(checks: tuple[Check, ...]) -> bool:
    """Whether a drill is good: no check failed, and the copy's tables were there to be looked at."""
    states = {check.name: check.state for check in checks}
    return State.FAILED not in states.values() and states.get("tables") is State.PASSED


def signer(keyring: Keyring) -> Signer:
    """What signs drills.

    Raises:
        BackupError: the keyring has no such key.
    """
    if not keyring.audit_signing:
        raise BackupError("the keyring has no key to sign a drill's evidence with; `xinglin up` adds it")
    return Signer({1: keyring.audit_signing}, _DOMAIN)


def sign(evidence: Evidence, keyring: Keyring) -> Evidence:
    """The evidence with its signature (BackupError as in :func:`signer`)."""
    signature = signer(keyring).sign(evidence.model_dump(mode="json"))
    return evidence.model_copy(update={"signature": signature})


def reports(settings: Settings) -> Path:
    """The folder of evidence and reports."""
    return settings.state / "reports"


def write_evidence(evidence: Evidence, keyring: Keyring, folder: Path) -> Path:
    """Write signed evidence under its own name, never over another, with the public key beside it.

    Raises:
        BackupError: the folder cannot be written.
    """
    for name, content in signer(keyring).public_files().items():
        write_once(folder / name, content)
    path = folder / f"{evidence.drill_id}.json"
    write_once(path, evidence.content())
    return path


def public_key(path: Path) -> Checker:
    """What a public key file (PEM) lets one check.

    Raises:
        BackupError: it holds no Ed25519 public key.
    """
    try:
        public = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BackupError(
            f"{path} holds no public key ({type(error).__name__}); take it from the installation"
        ) from error
    if not isinstance(public, Ed25519PublicKey):
        raise BackupError(f"{path} holds no Ed25519 key; take the one that signs the installation's audit checkpoints")
    return Checker({key_id(public): public}, _DOMAIN)


def read_evidence(path: Path, checker: Checker) -> Evidence:
    """Read evidence and check its signature, and that its verdict follows from its checks.

    Raises:
        BackupError: it is no evidence, was altered, or is signed with another key.
    """
    try:
        document: dict[str, Any] = json.loads(path.read_bytes())
        evidence = Evidence.model_validate(document)
    except (OSError, ValueError, ValidationError) as error:
        raise BackupError(f"{path} is no evidence of a drill ({type(error).__name__})") from error
    if not checker.holds(document):
        raise BackupError(f"{path} was altered after it was signed, or another installation signed it")
    if evidence.passed != good(evidence.checks):
        raise BackupError(f"{path}: its verdict does not follow from its checks")
    return evidence
