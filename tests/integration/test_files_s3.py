"""Files in an S3 bucket with object lock, on moto's server: the lock is put on, renewed, and its refusal is reported.

moto checks retention as AWS documents it; a real store's word is its own. Needs the extra ``s3`` and moto[s3,server].
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest

from anonymization.encryption import Suite
from governance.backup.adapter import Fault
from governance.backup.files import FileBackups
from governance.backup.files.policy import Place
from governance.backup.files.target import Target
from governance.backup.keys import BackupKeys
from governance.backup.policy import load_backup_policy
from governance.backup.signing import Signer
from governance.errors import BackupError
from governance.settings import PROJECT

pytest.importorskip("s3fs", reason="needs the extra s3: pip install s3fs")
server = pytest.importorskip("moto.server", reason="needs moto[s3,server]")
pytestmark = pytest.mark.integration
_BUCKET = "hospital-files"
_POLICY = load_backup_policy(PROJECT / "include" / "policy" / "backup.yaml")
_ONE = _POLICY.model_copy(
    update={"keep": _POLICY.keep.model_copy(update={"newest": 1, "days": 0, "weeks": 0, "months": 0, "years": 0})}
)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "cn-north-1"}
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture(scope="module")
def client(endpoint: str) -> Any:
    import boto3  # noqa: PLC0415 - there only with moto

    made = boto3.client("s3", endpoint_url=endpoint)
    made.create_bucket(
        Bucket=_BUCKET,
        ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": "cn-north-1"},
    )
    return made


@pytest.fixture
def backups(endpoint: str, client: Any, tmp_path: Path) -> FileBackups:
    source = tmp_path / "source"
    source.mkdir()
    (source / "one.txt").write_bytes(b"one")
    (source / "large.bin").write_bytes(os.urandom(6_000_000))
    identity = pyrage.x25519.Identity.generate()
    keys = BackupKeys(
        (str(identity.to_public()),), Signer({1: b"k" * 32}), Suite.INTL, {1: b"s" * 32}, identity=str(identity)
    )
    prefix = tmp_path.name.replace("_", "-")
    place = Place(url=f"s3://{_BUCKET}/{prefix}", options={"endpoint_url": endpoint}, lock_days=7)
    return FileBackups(Target(place), {"documents": source}, keys, _ONE)


def _until(client: Any, backups: FileBackups) -> dict[str, datetime]:
    prefix = backups.target.root.split("/", 1)[1]
    return {
        name: client.head_object(Bucket=_BUCKET, Key=f"{prefix}/{name}")["ObjectLockRetainUntilDate"]
        for name in backups.target.listing()
    }


def test_every_object_is_locked_and_restores(client: Any, backups: FileBackups, tmp_path: Path) -> None:
    backups.take("first")
    locks = _until(client, backups)
    assert len(locks) == 4  # two contents, the listing, the snapshot
    wanted = datetime.now(UTC) + timedelta(days=7)
    assert all(abs((lock - wanted).total_seconds()) < 60 for lock in locks.values())
    assert backups.verify().exit_status == 0
    assert backups.restore(tmp_path / "to").differences == ()
    assert (tmp_path / "to" / "documents" / "one.txt").read_bytes() == b"one"


def test_an_object_that_a_later_snapshot_needs_is_locked_anew(client: Any, backups: FileBackups) -> None:
    backups.take("first")
    before = _until(client, backups)
    time.sleep(1.2)
    taken = backups.take("second")
    assert taken.new_objects == 0
    after = _until(client, backups)
    contents = [
        name for name in before if name.startswith("objects/") and taken.snapshot and name in taken.snapshot.objects
    ]
    assert contents
    assert all(after[name] > before[name] for name in contents)


def test_deletion_before_the_end_is_refused_and_reported(backups: FileBackups, tmp_path: Path) -> None:
    backups.take("first")
    (tmp_path / "source" / "one.txt").write_bytes(b"changed")
    time.sleep(1.1)
    backups.take("second")
    listed = set(backups.target.listing())
    with pytest.raises(BackupError, match="locked until"):
        backups.expire(lambda record: None)
    assert set(backups.target.listing()) == listed
    with pytest.raises(BackupError, match="cannot be used"):  # the store itself refuses, too
        backups.target.remove(sorted(listed)[0])
    assert backups.verify().exit_status == 0


def test_an_object_hidden_by_a_delete_marker_is_missed(client: Any, backups: FileBackups) -> None:
    backups.take("first")
    prefix = backups.target.root.split("/", 1)[1]
    name = next(name for name in backups.target.listing() if name.startswith("objects/"))
    client.delete_object(Bucket=_BUCKET, Key=f"{prefix}/{name}")  # what an intruder with ordinary rights can do
    assert (name, Fault.MISSING) in [(finding.file, finding.fault) for finding in backups.verify().findings]
    versions = client.list_object_versions(Bucket=_BUCKET, Prefix=f"{prefix}/{name}")["Versions"]
    assert len(versions) == 1  # the content is still there under its lock
