"""Manifests: signed, strict, checkable with the public key alone, and never overwritten."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from anonymization.encryption import Suite
from governance.backup.adapter import BackupKind
from governance.backup.contents import Snapshot, TableContent
from governance.backup.manifest import MANIFEST, Manifest, StoredFile, read_manifest
from governance.backup.signing import Checker, Signer, key_id
from governance.backup.store import publish
from governance.errors import BackupError

SIGNER = Signer({1: b"s" * 32})
MOMENT = datetime(2026, 6, 1, 12, tzinfo=UTC)
ID = "20260601T120000Z-00000000"


def manifest() -> Manifest:
    return Manifest(
        backup_id=ID,
        kind=BackupKind.FULL,
        run_id="run",
        started_at=MOMENT,
        ended_at=MOMENT,
        suite=Suite.INTL,
        recipients=("age1",),
        files=(StoredFile(name="base.tar.zst.age", archive="base", size=1, sha256="0" * 64),),
        server_version=170010,
        system_identifier="1",
        timeline=1,
        start_lsn="0/2000028",
        end_lsn="0/2000100",
        snapshot=Snapshot(oldest=1, next=1),
        database="warehouse",
        tables={"landing.a": TableContent(rows=2, hash="-5", settled_rows=2, settled_hash="-5")},
        known={},
    ).signed(SIGNER)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / ID
    made.mkdir()
    return made


def test_a_signed_manifest_is_read_back_equal(folder: Path) -> None:
    publish(folder, manifest())
    assert read_manifest(folder, SIGNER.checker)[0] == manifest()


def test_an_outsider_checks_it_with_the_public_key_file_alone(folder: Path) -> None:
    publish(folder, manifest())
    ((name, content),) = SIGNER.public_files().items()
    public = load_pem_public_key(content)
    assert isinstance(public, Ed25519PublicKey)
    assert name == f"public-key-{key_id(public)}.pem"
    assert Checker({key_id(public): public}).holds(json.loads((folder / MANIFEST).read_bytes()))


def test_an_older_version_of_the_key_is_still_believed_and_the_newest_signs(folder: Path) -> None:
    publish(folder, manifest())
    rotated = Signer({1: b"s" * 32, 2: b"t" * 32})
    assert read_manifest(folder, rotated.checker)[0].run_id == "run"
    assert not SIGNER.checker.holds(manifest().signed(rotated).model_dump(mode="json"))


def test_a_missing_manifest_is_an_error(folder: Path) -> None:
    with pytest.raises(BackupError, match="missing"):
        read_manifest(folder, SIGNER.checker)


@pytest.mark.parametrize(
    "change",
    [{"kind": "incremental"}, {"tables": {}}, {"known": {ID: "1" * 64}}, {"signature": ""}, {"signature": "a:b"}],
)
def test_an_altered_manifest_is_noticed(folder: Path, change: dict[str, object]) -> None:
    publish(folder, manifest())
    document = json.loads((folder / MANIFEST).read_text()) | change
    (folder / MANIFEST).write_text(json.dumps(document))
    with pytest.raises(BackupError, match="altered"):
        read_manifest(folder, SIGNER.checker)


def test_another_keyring_does_not_accept_the_signature(folder: Path) -> None:
    publish(folder, manifest())
    with pytest.raises(BackupError, match="altered"):
        read_manifest(folder, Signer({1: b"x" * 32}).checker)


def test_the_manifest_of_another_backup_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "20260601T120000Z-11111111"
    other.mkdir()
    publish(other, manifest())
    with pytest.raises(BackupError, match="belongs to"):
        read_manifest(other, SIGNER.checker)


@pytest.mark.parametrize("content", [b"", b"{", b'{"format": 1}', b"\xff"])
def test_a_damaged_manifest_is_an_error(folder: Path, content: bytes) -> None:
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(BackupError, match="damaged"):
        read_manifest(folder, SIGNER.checker)


def test_a_manifest_is_never_overwritten(folder: Path) -> None:
    publish(folder, manifest())
    with pytest.raises(BackupError, match="never overwritten"):
        publish(folder, manifest().model_copy(update={"run_id": "another"}))
