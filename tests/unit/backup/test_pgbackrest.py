"""pgBackRest's files, lists and archive read without it; its configuration made of ours."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from functools import partial
from hashlib import sha1
from pathlib import Path

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from governance.backup.adapter import BackupInfo, BackupKind
from governance.backup.keys import BackupKeys
from governance.backup.pgbackrest.cipher import examine, read_list
from governance.backup.pgbackrest.segments import needed, runs
from governance.backup.pgbackrest.site import load_site
from governance.backup.signing import Signer
from governance.errors import BackupError
from governance.settings import PROJECT

_sha1 = partial(sha1, usedforsecurity=False)
_SITE = PROJECT / "include" / "policy" / "pgbackrest.yaml"


def _sealed(plain: bytes, passphrase: str) -> bytes:
    """As ``openssl enc -aes-256-cbc -md sha1`` seals."""
    salt, material, last = b"12345678", b"", b""
    while len(material) < 48:
        last = _sha1(last + passphrase.encode() + salt).digest()
        material += last
    padder = PKCS7(128).padder()
    cipher = Cipher(algorithms.AES(material[:32]), modes.CBC(material[32:48])).encryptor()
    return b"Salted__" + salt + cipher.update(padder.update(plain) + padder.finalize()) + cipher.finalize()


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1 << 20, (1 << 20) + 5, 3_000_001])
def test_a_file_is_decrypted_decompressed_and_hashed(size: int) -> None:
    plain = bytes(range(256)) * (size // 256 + 1)
    plain = plain[:size]
    for name, content in (("f", plain), ("f.zst", pa.Codec("zstd").compress(plain, asbytes=True))):
        stored = _sealed(content, "word")
        read = examine(io.BytesIO(stored), "word", name, keep=True)
        assert (read.plain, read.size, read.sha1) == (plain, size, _sha1(plain).hexdigest())
        assert read.stored_sha1 == _sha1(stored).hexdigest()


@pytest.mark.parametrize(
    "change", [lambda b: b[:-1], lambda b: b[:40], lambda b: b"", lambda b: b"x" + b, lambda b: b[:9]]
)
def test_a_file_that_was_cut_or_shifted_is_refused(change: object) -> None:
    stored = _sealed(pa.Codec("zstd").compress(b"content" * 100, asbytes=True), "word")
    with pytest.raises(BackupError, match="cannot be decrypted"):
        examine(io.BytesIO(change(stored)), "word", "f.zst")  # type: ignore[operator]


def test_a_wrong_passphrase_is_refused() -> None:
    with pytest.raises(BackupError, match="cannot be decrypted"):
        examine(io.BytesIO(_sealed(pa.Codec("zstd").compress(b"content", asbytes=True), "word")), "other", "f.zst")


def test_a_list_is_read_only_if_its_own_checksum_holds() -> None:
    body = '{"backrest":{"backrest-format":5},"db":{"db-id":1,"db-version":"15"}}'
    digest = _sha1(body.encode()).hexdigest()
    text = (
        f'[backrest]\nbackrest-format=5\n\n[db]\ndb-id=1\ndb-version="15"\n\n[backrest]\nbackrest-checksum="{digest}"\n'
    )
    assert read_list(text)["db"] == {"db-id": "1", "db-version": '"15"'}
    with pytest.raises(ValueError, match="own checksum"):
        read_list(text.replace("db-id=1", "db-id=2"))
    with pytest.raises(ValueError, match="own checksum"):
        read_list("")


def _segment(number: int, timeline: int = 1) -> str:
    return f"{timeline:08X}00000000{number:08X}"


def _backup(start: int, end: int, timeline: int = 1) -> BackupInfo:
    at = datetime(2026, 6, 1, tzinfo=UTC)
    return BackupInfo("b", BackupKind.FULL, None, at, at, 1, timeline, f"0/{start:X}000028", f"0/{end:X}000100")


def test_all_log_from_the_oldest_backup_to_the_newest_segment_is_needed() -> None:
    present = [_segment(number) for number in (1, 2, 3, 6)]
    assert needed(present, {}, [_backup(2, 3)]) == [_segment(number) for number in range(2, 7)]
    assert needed([], {}, [_backup(2, 3)]) == [_segment(2), _segment(3)]  # its own, whatever is there
    assert needed(present, {}, []) == []


def test_log_that_retention_let_go_is_not_needed_but_a_backups_own_is() -> None:
    present = [_segment(number) for number in (2, 8, 9)]
    found = needed(present, {}, [_backup(2, 2), _backup(8, 8)], log_before=8 << 24)
    assert found == [_segment(2), _segment(8), _segment(9)]


def test_a_timeline_is_followed_over_the_point_where_it_left_its_parent() -> None:
    present = [_segment(2), _segment(3), _segment(5, 2), _segment(6, 2)]
    forked = {2: [(1, (5 << 24) + 100)]}
    found = needed(present, forked, [_backup(2, 2)])
    assert found == [*(_segment(number) for number in range(2, 6)), _segment(5, 2), _segment(6, 2)]


def test_missing_segments_are_told_as_runs() -> None:
    missing = [_segment(3), _segment(4), _segment(9), _segment(10, 2)]
    assert runs(missing) == [(_segment(3), 2), (_segment(9), 1), (_segment(10, 2), 1)]


def _keys(stream: dict[int, bytes]) -> BackupKeys:
    return BackupKeys((), Signer({1: b"k" * 32}), stream=stream)


def test_the_configuration_has_two_encrypted_repositories_zstd_and_no_retention_of_the_tools_own() -> None:
    site = load_site(_SITE)
    text = site.configuration(_keys({1: b"s" * 32}))
    assert len(site.repositories) >= 2
    for number in range(1, len(site.repositories) + 1):
        assert f"repo{number}-cipher-type=aes-256-cbc" in text
    for line in ("compress-type=zst", "expire-auto=n", f"[{site.stanza}]"):
        assert line in text.splitlines()
    words = [line.split("=", 1)[1] for line in text.splitlines() if "cipher-pass" in line]
    assert len(set(words)) == len(site.repositories)
    assert site.config.is_absolute()


def test_a_passphrase_is_the_same_as_long_as_the_keyring_holds_its_version() -> None:
    site = load_site(_SITE)
    one = site.passphrase(site.repositories[0], _keys({1: b"s" * 32}))
    assert one == site.passphrase(site.repositories[0], _keys({1: b"s" * 32, 2: b"t" * 32}))
    with pytest.raises(BackupError, match="restore the keyring"):
        site.passphrase(site.repositories[0], _keys({2: b"t" * 32}))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version: 1", "version: 2"),
        ("stanza: xinglin", "stanza: Xinglin!"),
        ("/srv/second/pgbackrest", "/var/lib/pgbackrest"),
        ("port: 5432", "port: 0"),
        ("data_dir: /var", "data_dir: var"),
        ("user: postgres", "user: postgres\nuser: other"),
        ("process_max: 2", "proces_max: 2"),
    ],
)
def test_a_malformed_site_is_refused(tmp_path: Path, old: str, new: str) -> None:
    text = _SITE.read_text("utf-8")
    assert old in text
    (tmp_path / "site.yaml").write_text(text.replace(old, new), "utf-8")
    with pytest.raises(BackupError, match="nothing was done"):
        load_site(tmp_path / "site.yaml")
