"""Manifests: sealed, strict, and never overwritten."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from anonymization.encryption import KeyedDigest
from governance.backup.contents import Snapshot, TableContent
from governance.backup.manifest import MANIFEST, Manifest, read_manifest, write_manifest
from governance.errors import BackupError

KEY = KeyedDigest(b"k" * 32, "backup")
MOMENT = datetime(2026, 6, 1, 12, tzinfo=UTC)


def manifest() -> Manifest:
    return Manifest(
        backup_id="20260601T120000Z-00000000",
        run_id="run",
        started_at=MOMENT,
        ended_at=MOMENT,
        file="cluster.tar.zst.age",
        size=1,
        sha256="0" * 64,
        recipients=("age1",),
        server_version=170010,
        system_identifier="1",
        start_lsn="0/1",
        snapshot=Snapshot(oldest=1, next=1),
        database="warehouse",
        tables={"landing.a": TableContent(rows=2, hash="-5", settled_rows=2, settled_hash="-5")},
    ).sealed(KEY)


def test_a_sealed_manifest_is_read_back_equal(tmp_path: Path) -> None:
    write_manifest(tmp_path, manifest())
    assert read_manifest(tmp_path, KEY) == manifest()


def test_a_missing_manifest_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="missing"):
        read_manifest(tmp_path, KEY)


@pytest.mark.parametrize("change", [{"sha256": "1" * 64}, {"tables": {}}, {"backup_id": "20260601T120000Z-00000001"}])
def test_an_altered_manifest_is_noticed(tmp_path: Path, change: dict[str, object]) -> None:
    write_manifest(tmp_path, manifest())
    document = json.loads((tmp_path / MANIFEST).read_text()) | change
    (tmp_path / MANIFEST).write_text(json.dumps(document))
    with pytest.raises(BackupError, match="altered"):
        read_manifest(tmp_path, KEY)


def test_another_keyring_does_not_accept_the_seal(tmp_path: Path) -> None:
    write_manifest(tmp_path, manifest())
    with pytest.raises(BackupError, match="altered"):
        read_manifest(tmp_path, KeyedDigest(b"x" * 32, "backup"))


@pytest.mark.parametrize("content", [b"", b"{", b'{"format": 2}', b"\xff"])
def test_a_damaged_manifest_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(BackupError, match="damaged"):
        read_manifest(tmp_path, KEY)


def test_a_manifest_is_never_overwritten(tmp_path: Path) -> None:
    write_manifest(tmp_path, manifest())
    with pytest.raises(BackupError):
        write_manifest(tmp_path, manifest())
