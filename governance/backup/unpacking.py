"""From the encrypted files of a backup, or of a chain of them, to a data directory that PostgreSQL accepts.

Every file is held against the SHA-256 of PostgreSQL's own manifest: while it is unpacked, and what was combined of a
chain by pg_verifybackup, which in both cases also says whether a file is missing or too many, and reads the log.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path, PurePosixPath

from governance.backup.keys import BackupKeys
from governance.backup.replication import MANIFEST
from governance.backup.store import BackupRecord
from governance.backup.streams import reveal, unpack
from governance.errors import BackupError
from governance.runtime.placement import ServerUser, shelter
from governance.runtime.postgres import PostgresServer

_WORK = ".chain"


def unpacked(links: list[BackupRecord], data: Path, keys: BackupKeys, user: ServerUser) -> tuple[Path, int]:
    """Unpack a chain, combine it, and check every file against PostgreSQL's manifest.

    Tablespaces become plain folders of the data directory ("in place"), so that a copy never writes into others' files.

    Args:
        links: the full backup first.
        data: the data directory to fill; made here.

    Returns:
        Where the data lie, and their bytes.

    Raises:
        BackupError: a file is damaged or made for another key, or PostgreSQL's programs refuse the result.
    """
    real, server = shelter(data, user), PostgresServer(data)
    checks = ["--quiet", "--exit-on-error", str(real)]
    if len(links) == 1:
        size = _unpack_one(links[0], real, keys)
        checks.insert(0, "--skip-checksums")
    else:
        work = _work(real)
        try:
            parts = [work / str(number) for number in range(len(links))]
            for link, part in zip(links, parts, strict=True):
                part.mkdir(mode=0o700, parents=True)
                _unpack_one(link, part, keys)
            user.take_over(work)
            options = ["--manifest-checksums=SHA256", "--no-sync", f"--output={real}"]
            _run(server, user, real, "pg_combinebackup", [*options, *map(str, parts)], links[-1])
        finally:
            shutil.rmtree(work, ignore_errors=True)
        size = sum(path.stat().st_size for path in real.rglob("*") if path.is_file())
    user.take_over(real)
    if not (real / "backup_label").is_file() or not (real / "PG_VERSION").is_file():
        raise BackupError(f"{links[-1].folder} holds no base backup of PostgreSQL; use another one (xinglin backups)")
    _run(server, user, real, "pg_verifybackup", checks, links[-1])
    (real / "tablespace_map").unlink(missing_ok=True)
    return real, size


def _unpack_one(record: BackupRecord, target: Path, keys: BackupKeys) -> int:
    """Unpack one backup and hold every file against PostgreSQL's manifest; bytes that were unpacked."""
    listed: dict[str, tuple[int, str]] = {}
    found: dict[str, tuple[int, str]] = {}
    for file in record.manifest.files:
        path = record.folder / file.name
        if file.archive == MANIFEST:
            content = reveal(path, keys, file.sha256)
            (target / MANIFEST).write_bytes(content)
            listed = _listed(content)
            continue
        within = PurePosixPath() if file.archive == "base" else PurePosixPath("pg_tblspc", file.archive)
        place = target / within
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        unpacked = unpack(path, place, keys, file.sha256)
        found |= {str(within / one.name): (one.size, one.sha256) for one in unpacked}
    wrong = sorted(name for name, held in listed.items() if found.get(name) != held)
    if wrong:
        raise BackupError(
            f"{record.folder}: {len(wrong)} files are not what PostgreSQL's manifest says, the first is {wrong[0]}; "
            "nothing was restored, use another backup"
        )
    return sum(size for size, _ in found.values())


def _listed(manifest: bytes) -> dict[str, tuple[int, str]]:
    """Path → bytes and SHA-256 of PostgreSQL's manifest (its log is not listed)."""
    files = json.loads(manifest)["Files"]
    return {
        file["Path"] if "Path" in file else bytes.fromhex(file["Encoded-Path"]).decode(errors="surrogateescape"): (
            file["Size"],
            file["Checksum"],
        )
        for file in files
    }


def _run(
    server: PostgresServer, user: ServerUser, folder: Path, program: str, arguments: list[str], record: BackupRecord
) -> None:
    result = user.run([server.tool(program), *arguments], cwd=folder.parent if user.uid is None else Path("/"))
    if result.returncode != 0:
        said = result.stdout.strip().replace("\n", "; ")[-500:]
        raise BackupError(f"{program} refuses {record.manifest.backup_id}, nothing was restored: {said}")


def _work(real: Path) -> Path:
    return real.with_name(real.name + _WORK)
