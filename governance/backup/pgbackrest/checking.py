"""Verification of all repositories of a site, and of what the server says of its archiving."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from governance.backup.adapter import Fault, Finding, Verification
from governance.backup.pgbackrest.contents import read_contents
from governance.backup.pgbackrest.restoring import programs
from governance.backup.pgbackrest.site import Repository
from governance.backup.pgbackrest.verifying import Known, RepositoryCheck
from governance.backup.records import read_records
from governance.backup.scratch import DATA, remove_restored
from governance.backup.wal import SEGMENT, bounds
from governance.database import connect
from governance.errors import BackupError, DatabaseError
from governance.runtime.postgres import PostgresServer

if TYPE_CHECKING:
    from governance.backup.pgbackrest.backups import PgBackRestBackups


def verify_all(there: PgBackRestBackups, *, deep: bool = False) -> Verification:
    """As ``BackupAdapter.verify``, every repository."""
    head, findings, unchecked = _archiving(there)
    totals = [0, 0, 0, 0]
    for repository in there.repositories:
        folder = there.folder(repository)
        records = read_records(folder, there.keys.checker)
        check, faults = _checked(there, repository, head)
        for path, words in (*faults, *records.faults):
            findings.append(Finding(str(path.relative_to(there.settings.backups)), Fault.FORGED, words))
        try:
            check.run()
        except BackupError as error:
            unchecked.append(f"{there.prefix(repository)}: {error}")
        for label in records.held():
            if label not in {info.backup_id for info in there.standing_or_none(repository)}:
                check.found(f"backup/{there.site.stanza}/{label}", Fault.MISSING, "it is on legal hold, and gone")
        if not check.backups and not check.findings:
            check.found(f"backup/{there.site.stanza}", Fault.MISSING, "there is no backup in this repository")
        if deep and not check.findings:
            findings += _bad_pages(there, repository)
        findings += check.findings
        counts = (check.backups, check.segments, check.files, check.bytes)
        totals = [total + count for total, count in zip(totals, counts, strict=True)]
    return Verification(tuple(findings), tuple(unchecked), *totals)


def unsound_files(there: PgBackRestBackups, repository: Repository, label: str) -> list[str]:
    """Files that one backup needs and that are not what its manifest says, in words; what could not be looked at."""
    try:
        check, _ = _checked(there, repository, "")
        check.backup(label)
    except BackupError as error:
        return [str(error)]
    return [str(finding) for finding in check.findings]


def _checked(
    there: PgBackRestBackups, repository: Repository, head: str
) -> tuple[RepositoryCheck, list[tuple[Path, str]]]:
    """A check of a repository by our own records of it, and those of them that are none."""
    contents, faults = read_contents(there.folder(repository), there.keys.checker)
    records = read_records(there.folder(repository), there.keys.checker)
    known = Known(contents, records.gone(), records.log_before, head, there.policy.newest_backup_hours)
    passphrase = there.site.passphrase(repository, there.keys)
    return RepositoryCheck(there.tool, repository, passphrase, known, there.clock()), faults


def _archiving(there: PgBackRestBackups) -> tuple[str, list[Finding], list[str]]:
    """The newest segment that the server says it archived, what is wrong with its archiving, what was not asked."""
    if there.dsn is None:
        return "", [], ["the server was not asked what it has archived: log missing at the end is not noticed"]
    try:
        with connect(there.dsn, application="xinglin backup verify") as connection:
            row = connection.execute(
                "select coalesce(last_archived_wal, ''), last_archived_time,"
                " last_failed_time is not null and last_failed_time > coalesce(last_archived_time, '-infinity'),"
                " pg_walfile_name(pg_current_wal_lsn()) from pg_stat_archiver"
            ).fetchone()
    except (psycopg.Error, DatabaseError) as error:
        return "", [], [f"the server does not say what it has archived ({str(error).splitlines()[0]})"]
    assert row is not None  # noqa: S101 - the view has one row
    head, at, fails, current = row[0][:24], row[1], row[2], row[3]
    findings = []
    if fails:
        findings.append(Finding(f"archive/{head}", Fault.OLD, "the server's archive_command fails; see its log"))
    elif SEGMENT.match(head) and head[:8] == current[:8] and at is not None:
        behind = bounds(current)[1] - bounds(head)[2]
        seconds = (there.clock() - at).total_seconds()
        if behind > 0 and seconds > there.policy.log_archive_seconds:
            words = f"log has been finished for {seconds:.0f} s that is not archived (the server writes {current})"
            findings.append(Finding(f"archive/{head}", Fault.OLD, words))
    return (head if SEGMENT.match(head) else ""), findings, []


def _bad_pages(there: PgBackRestBackups, repository: Repository) -> Iterator[Finding]:
    """Restore the newest backup of a repository, and check every page with pg_checksums on the stopped copy."""
    info = there.standing(repository)[-1]
    name = f"{there.prefix(repository)}{info.backup_id}"
    target = there.settings.state / "tmp" / "deep" / secrets.token_hex(4)
    try:
        restored = there.restore(target, backup=name)
    except BackupError as error:
        yield Finding(name, Fault.PAGE, f"it does not restore: {error}")
        return
    try:
        for words in restored.comparison.differences:
            yield Finding(name, Fault.ALTERED, words)
        real = (target / DATA).resolve()
        server = PostgresServer(target / DATA, programs=programs(real))
        result = there.tool.user.run([server.tool("pg_checksums"), "--check", f"--pgdata={real}"], cwd=real)
        if result.returncode != 0:
            yield Finding(name, Fault.PAGE, f"pg_checksums: {result.stdout.strip()[-300:]}")
    finally:
        remove_restored(target)
