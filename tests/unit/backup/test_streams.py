"""Encrypted streams: what comes back, and what is refused."""

from __future__ import annotations

import io
import tarfile
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyrage
import pytest

from anonymization.encryption import Suite
from governance.backup.keys import BackupKeys
from governance.backup.signing import Signer
from governance.backup.streams import Unpacked, encrypt, examine, reveal, unpack
from governance.errors import BackupError

IDENTITY = pyrage.x25519.Identity.generate()
SIGNER = Signer({1: b"s" * 32})
RECIPIENTS = (str(IDENTITY.to_public()),)
INTL = BackupKeys(RECIPIENTS, SIGNER, identity=str(IDENTITY))
GM = BackupKeys(RECIPIENTS, SIGNER, Suite.GM, {1: b"k" * 32})
STRANGER = BackupKeys(RECIPIENTS, SIGNER, Suite.GM, {1: b"x" * 32}, str(pyrage.x25519.Identity.generate()))
CONTENT = bytes(range(256)) * 2_000


def archive(*members: tarfile.TarInfo) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(CONTENT[: member.size]) if member.isfile() else None)
    return pa.Codec("zstd").compress(plain.getvalue(), asbytes=True)


def entry(name: str, kind: bytes = tarfile.REGTYPE, size: int = len(CONTENT)) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, size if kind == tarfile.REGTYPE else 0
    return member


@pytest.fixture(params=[INTL, GM], ids=["intl", "gm"])
def keys(request: pytest.FixtureRequest) -> BackupKeys:
    assert isinstance(request.param, BackupKeys)
    return request.param


@pytest.fixture
def sealed(tmp_path: Path, keys: BackupKeys) -> tuple[Path, str]:
    file = tmp_path / "sealed"
    _, digest = encrypt(io.BytesIO(archive(entry("base", tarfile.DIRTYPE), entry("base/1"))), file, keys)
    return file, digest


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


def test_a_stream_comes_back_unchanged_and_private(sealed: tuple[Path, str], keys: BackupKeys, target: Path) -> None:
    file, digest = sealed
    assert unpack(file, target, keys, digest) == [Unpacked("base/1", len(CONTENT), sha256(CONTENT).hexdigest())]
    assert (target / "base" / "1").read_bytes() == CONTENT
    assert (target / "base" / "1").stat().st_mode & 0o777 == 0o600
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("position", [0, 30, 150, 300, -1, -20])
def test_a_flipped_bit_is_refused(sealed: tuple[Path, str], keys: BackupKeys, target: Path, position: int) -> None:
    file, digest = sealed
    data = bytearray(file.read_bytes())
    data[position] ^= 1
    file.write_bytes(data)
    with pytest.raises(BackupError, match="damaged"):
        unpack(file, target, keys, digest)


@pytest.mark.parametrize("length", [0, 10, 200, -1])
def test_a_file_cut_short_is_refused(sealed: tuple[Path, str], keys: BackupKeys, target: Path, length: int) -> None:
    file, digest = sealed
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(BackupError, match="damaged"):
        unpack(file, target, keys, digest)


def test_bytes_added_at_the_end_are_refused(sealed: tuple[Path, str], keys: BackupKeys, target: Path) -> None:
    file, digest = sealed
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(BackupError, match="damaged"):
        unpack(file, target, keys, digest)


def test_another_key_is_told_from_damage(sealed: tuple[Path, str], target: Path) -> None:
    file, digest = sealed
    with pytest.raises(BackupError, match="another key"):
        unpack(file, target, STRANGER, digest)


def test_a_missing_file_is_an_error(tmp_path: Path, target: Path) -> None:
    with pytest.raises(BackupError, match="cannot be read"):
        unpack(tmp_path / "none", target, INTL, "0" * 64)


@pytest.mark.parametrize(
    "member", [entry("../outside"), entry("/outside"), entry("link", tarfile.SYMTYPE), entry("pipe", tarfile.FIFOTYPE)]
)
def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path, target: Path, member: tarfile.TarInfo) -> None:
    file = tmp_path / "hostile.age"
    _, digest = encrypt(io.BytesIO(archive(member)), file, INTL)
    with pytest.raises(BackupError, match="could not be read"):
        unpack(file, target, INTL, digest)
    assert not (tmp_path / "outside").exists()
    assert list(target.iterdir()) == []


def test_an_encrypted_file_is_never_overwritten(sealed: tuple[Path, str]) -> None:
    with pytest.raises(BackupError, match="never overwritten"):
        encrypt(io.BytesIO(b"x"), sealed[0], INTL)


def test_a_malformed_recipient_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="recipient"):
        encrypt(io.BytesIO(b"x"), tmp_path / "file", BackupKeys(("age1nonsense",), SIGNER))
    assert list(tmp_path.iterdir()) == []


def test_a_small_file_is_read_into_memory_and_a_large_one_counted(tmp_path: Path, keys: BackupKeys) -> None:
    compressed = pa.Codec("zstd").compress(CONTENT, asbytes=True)
    _, digest = encrypt(io.BytesIO(compressed), tmp_path / "file", keys)
    assert reveal(tmp_path / "file", keys, digest) == CONTENT
    assert examine(tmp_path / "file", keys, digest) == len(CONTENT)


def test_without_the_private_key_nothing_is_read(tmp_path: Path) -> None:
    _, digest = encrypt(io.BytesIO(b"x"), tmp_path / "file", INTL)
    with pytest.raises(BackupError, match="holds none"):
        reveal(tmp_path / "file", BackupKeys(RECIPIENTS, SIGNER), digest)
