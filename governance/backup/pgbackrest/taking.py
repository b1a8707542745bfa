"""Taking one backup into one repository, with the figures of what it holds, signed and recorded."""

from __future__ import annotations

import concurrent.futures
import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from governance.backup.adapter import BackupInfo
from governance.backup.contents import mark_changed, snapshot, table_contents
from governance.backup.pgbackrest.cipher import examine, read_list
from governance.backup.pgbackrest.contents import Contents, write_contents
from governance.backup.pgbackrest.site import Repository
from governance.backup.recording import Made, record_made
from governance.errors import BackupError

if TYPE_CHECKING:
    from governance.backup.pgbackrest.backups import PgBackRestBackups


def back_up(there: PgBackRestBackups, repository: Repository, kind: str, run_id: str) -> BackupInfo:
    """One backup into one repository, with the figures of what it holds, signed and recorded."""
    before = {info.backup_id for info in there.standing(repository)}
    started = datetime.now(UTC)
    with (
        snapshot(there.connection) as (connection, taken),
        concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="contents") as pool,
    ):
        hashing = pool.submit(table_contents, connection, taken)
        try:
            there.tool.run("backup", f"--type={kind}", f"--annotation=run={_plain(run_id)}", repository=repository)
        except BaseException:
            connection.cancel()  # nobody needs the hashes any more
            raise
        tables = mark_changed(there.connection, hashing.result(), taken)
        database = connection.info.dbname
    stored = there.tool.stored(repository)
    made = [info for info in stored.backups if info.backup_id not in before]
    if len(made) != 1:
        raise BackupError(
            f"pgbackrest ended without an error, but {there.prefix(repository)} lists {len(made)} new backups; "
            "see its log, and nothing was recorded"
        )
    contents = Contents(
        backup_id=made[0].backup_id,
        run_id=run_id,
        started_at=started,
        ended_at=made[0].ended_at,
        manifest_sha256=_manifest_digest(there, repository, made[0].backup_id),
        system_identifier=stored.system_identifier,
        database=database,
        snapshot=taken,
        tables=tables,
    )
    write_contents(there.folder(repository), contents, there.keys.signer)
    info = there.outward(repository, made[0], {})
    file = f"{there.prefix(repository)}backup/{there.site.stanza}/{made[0].backup_id}/backup.manifest"
    record_made(there.connection, Made(info, file, contents.manifest_sha256, (), tables, run_id), there.settings)
    if made[0].backup_id in stored.page_errors:
        raise BackupError(
            f"{info.backup_id} is complete and kept, but the database holds pages with wrong checksums: "
            "run `xinglin backup verify`, which names the files, and restore them from an older backup"
        )
    return info


def _manifest_digest(there: PgBackRestBackups, repository: Repository, label: str) -> str:
    """SHA-256 of a backup's manifest in plain, read as verification will read it."""
    folder = f"backup/{there.site.stanza}"
    name = f"{folder}/backup.info"
    with there.tool.reading(repository, name) as file:
        info = examine(file, there.site.passphrase(repository, there.keys), name, keep=True).plain
    name = f"{folder}/{label}/backup.manifest"
    with there.tool.reading(repository, name) as file:
        passphrase = json.loads(read_list(info.decode("utf-8"))["cipher"]["cipher-pass"])
        return sha256(examine(file, passphrase, name, keep=True).plain).hexdigest()


def _plain(run_id: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_.:+" else "_" for letter in run_id)
