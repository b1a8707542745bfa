"""Full, incremental, log archive, recovery to a time and corruptions, on a real server with its archiver."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pyrage
import pytest
from typer.testing import CliRunner

from anonymization.encryption import Suite
from governance.backup.adapter import BackupAdapter, BackupKind, Fault, Target, Verification
from governance.backup.backing_up import lock_file
from governance.backup.scratch import remove_restored
from governance.backup.signing import Signer
from governance.backup.streams import SUFFIX
from governance.backup.verifying import Expected, verify_place
from governance.backup.wal import position, segment_at
from governance.cli import app
from governance.errors import BackupError
from tests.conftest import scratch_folder
from tests.integration.backup_site import Site, new_site
from tests.integration.conftest import wait_until_archived

pytestmark = pytest.mark.integration


any_suite = pytest.mark.parametrize("site", [Suite.INTL], indirect=True)
"""For what does not depend on the suite."""


@pytest.fixture(scope="module", params=list(Suite))
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """Full backup, rows, incremental, rows, incremental, rows; all of it archived."""
    with scratch_folder() as folder:
        made = new_site(folder / "state", request.param)
        try:
            made.write(1)
            made.backups.full("full")
            made.write(2)
            made.backups.incremental("first")
            made.write(3)
            made.backups.incremental("second")
            wait_until_archived(made.settings, made.write(4))
            yield made
        finally:
            made.archiver.stop()
            made.server.destroy()


def test_the_embedded_backups_are_an_adapter(site: Site) -> None:
    adapter: BackupAdapter = site.backups
    assert [info.kind for info in adapter.backups().backups] == [
        *(BackupKind.FULL, BackupKind.INCREMENTAL, BackupKind.INCREMENTAL)
    ]
    first, second, third = adapter.backups().backups
    assert (second.parent, third.parent) == (first.backup_id, second.backup_id)
    assert second.bytes < first.bytes / 4
    assert adapter.verify().exit_status == 0


# -- corruptions ----------------------------------------------------------------------------------------------------

CORRUPTIONS = 60
KINDS = ("bit flip", "truncation", "deletion", "swap", "replay", "wrong key", "gap")


def corrupt(kind: str, place: Path, draw: random.Random, site: Site) -> set[str]:
    """Corrupt a place; names of the files one of which must be found."""
    backup_files = sorted(path for path in place.glob("2*/*") if path.is_file())
    oldest = min(site.backups.backups().backups, key=lambda info: info.started_at)
    first = segment_at(oldest.timeline, position(oldest.start_lsn))
    log = sorted(path for path in place.glob("wal/*/*") if path.name >= first)  # what is older, nothing needs
    path = draw.choice(draw.choice([backup_files, log]))
    name = {str(path.relative_to(place))}
    if kind == "bit flip":
        change(path, lambda data: flipped(data, draw))
    elif kind == "truncation":
        change(path, lambda data: data[: draw.randrange(len(data))])
    elif kind == "deletion":
        path.unlink()
    elif kind == "gap":
        gone = draw.choice(log)
        gone.unlink()
        name = {str(gone.relative_to(place))}
    elif kind == "swap":
        pool = log if path in log else [other for other in backup_files if other.name == path.name]
        other = draw.choice([candidate for candidate in pool if candidate != path])
        first, second = path.read_bytes(), other.read_bytes()
        change(path, lambda _: second)
        change(other, lambda _: first)
        name.add(str(other.relative_to(place)))
    elif kind == "replay":  # an older file in the place of a newer one
        pool = log if path in log else sorted(other for other in backup_files if other.name == path.name)
        older, newer = sorted(draw.sample(pool, 2))
        old = older.read_bytes()
        change(newer, lambda _: old)
        name = {str(newer.relative_to(place))}
    elif kind == "wrong key":  # a sound file of the same kind, made with somebody else's keys
        from governance.backup.streams import HashingWriter, seal  # noqa: PLC0415

        stranger = replace(
            site.backups.keys,
            recipients=(str(pyrage.x25519.Identity.generate().to_public()),),
            stream={1: draw.randbytes(32)},
        )

        def sealed_anew(data: bytes) -> bytes:
            import io  # noqa: PLC0415

            target = io.BytesIO()
            seal(io.BytesIO(b"something else"), HashingWriter(target), stranger)
            return (data.split(b"\n")[0] + b"\n" if path in log else b"") + target.getvalue()

        change(path, sealed_anew)
    return name


def change(path: Path, how: Callable[[bytes], bytes]) -> None:
    """Replace a hard-linked file, so that the original place keeps its own."""
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(how(data))


def flipped(data: bytes, draw: random.Random) -> bytes:
    made = bytearray(data)
    made[draw.randrange(len(made))] ^= 1 << draw.randrange(8)
    return bytes(made)


def verified(site: Site, place: Path, **changes: object) -> Verification:
    keys = replace(site.backups.keys, **changes)  # type: ignore[arg-type]
    expected = replace(site.backups._expected(), runs=False)
    return verify_place(place, keys, site.backups.policy, lock_file(site.settings), expected, datetime.now(UTC))


@pytest.fixture
def frozen(site: Site) -> Iterator[Path]:
    """The place as it is, with the archiver at rest."""
    site.archiver.stop()
    assert verified(site, site.settings.backups).exit_status == 0
    yield site.settings.backups
    site.archiver.start(site.server, site.secrets)


def test_every_generated_corruption_is_found_and_names_the_file(site: Site, frozen: Path, tmp_path: Path) -> None:
    draw = random.Random(20261122)
    missed = []
    for number in range(CORRUPTIONS // len(Suite)):
        kind = KINDS[number % len(KINDS)]
        place = tmp_path / str(number)
        shutil.copytree(frozen, place, copy_function=os.link)
        guilty = corrupt(kind, place, draw, site)
        result = verified(site, place)
        if result.exit_status != 1 or not guilty & {finding.file for finding in result.findings}:
            missed.append((number, kind, guilty, [str(finding) for finding in result.findings]))
        shutil.rmtree(place)
    assert missed == []


def test_with_somebody_elses_keys_nothing_is_sound(site: Site, frozen: Path) -> None:
    other = Signer({1: b"x" * 32})
    assert {finding.fault for finding in verified(site, frozen, signer=other).findings} >= {Fault.FORGED}
    identity = str(pyrage.x25519.Identity.generate())
    result = verified(site, frozen, identity=identity, stream={1: b"x" * 32})
    assert {finding.fault for finding in result.findings} == {Fault.UNREADABLE}
    assert len(result.findings) == result.files - result.backups


# -- restoring --------------------------------------------------------------------------------------------------------


def test_a_chain_restores_with_every_table_equal(site: Site, tmp_path: Path) -> None:
    restored = site.backups.restore(tmp_path / "copy", keep=True)
    try:
        assert restored.comparison.holds
        assert not restored.comparison.settled
        assert site.numbers(restored.dsn()) == [1, 2, 3]
    finally:
        remove_restored(tmp_path / "copy")


@pytest.mark.parametrize("number", [2, 4])
def test_a_restore_to_a_moment_holds_that_row_and_no_later_one(site: Site, tmp_path: Path, number: int) -> None:
    moment = site.moments[number]
    first = site.backups.backups().backups[0]
    assert first.ended_at < moment
    restored = site.backups.restore(tmp_path / "copy", backup=first.backup_id, target=Target(moment), keep=True)
    try:
        assert site.numbers(restored.dsn()) == list(range(1, number + 1))
        assert restored.comparison.holds
        assert "sample.still" in restored.comparison.equal
        assert "sample.event" in restored.comparison.settled
        assert restored.recovered_to
        assert restored.recovered_to <= moment
        with psycopg.connect(restored.dsn()) as connection:
            assert connection.execute("show archive_mode").fetchone() == ("off",)
            assert connection.execute("select pg_is_in_recovery()").fetchone() == (False,)
    finally:
        remove_restored(tmp_path / "copy")


def test_a_restore_as_far_as_the_log_goes_holds_everything(site: Site, tmp_path: Path) -> None:
    restored = site.backups.restore(tmp_path / "copy", target=Target(latest=True), keep=True)
    try:
        assert site.numbers(restored.dsn())[:4] == [1, 2, 3, 4]
        assert restored.backup_id == site.backups.backups().backups[-1].backup_id
    finally:
        remove_restored(tmp_path / "copy")


@any_suite
def test_a_moment_outside_what_is_recoverable_is_refused_with_the_range(site: Site, tmp_path: Path) -> None:
    first = site.backups.backups().backups[0]
    for moment in (first.started_at - timedelta(seconds=1), datetime.now(UTC) + timedelta(minutes=1)):
        with pytest.raises(BackupError, match="recoverable is") as refused:
            site.backups.restore(tmp_path / "copy", target=Target(moment))
        assert f"{first.ended_at.astimezone():%H:%M:%S}" in str(refused.value)
        assert not (tmp_path / "copy").exists()


@any_suite
def test_hooks_run_in_order_before_anybody_else_can_connect(site: Site, tmp_path: Path) -> None:
    seen = []

    def look(dsn: str) -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            port = connection.info.port
            assert connection.execute("delete from sample.event returning number").fetchall() == [(1,)]
        login = psycopg.conninfo.make_conninfo(site.secrets["dsn_backup"], port=port, sslmode="require", sslrootcert="")
        with pytest.raises(psycopg.OperationalError, match="pg_hba"):
            psycopg.connect(login)
        seen.append(login)

    first = site.backups.backups().backups[0].backup_id
    hooks = (look, lambda _dsn: seen.append("second"))
    restored = site.backups.restore(tmp_path / "copy", backup=first, before_opening=hooks, keep=True)
    try:
        assert seen[1] == "second"
        psycopg.connect(seen[0]).close()
        assert site.numbers(restored.dsn()) == []
        assert "sample.event" in restored.comparison.rewritten
    finally:
        remove_restored(tmp_path / "copy")


@any_suite
def test_a_hook_that_fails_stops_the_restore_and_leaves_nothing(site: Site, tmp_path: Path) -> None:
    def fail(_dsn: str) -> None:
        raise BackupError("no tombstones")

    first = site.backups.backups().backups[0].backup_id
    with pytest.raises(BackupError, match="no tombstones"):
        site.backups.restore(tmp_path / "copy", backup=first, before_opening=(fail,))
    assert not (tmp_path / "copy").exists()


@any_suite
def test_an_idle_server_stays_recoverable_until_now(site: Site) -> None:
    started = datetime.now(UTC)
    wait_until_archived(site.settings, started, patience=20)
    assert site.backups.recoverable()[-1].until > started


def test_the_archiver_holds_no_key_for_reading_in_suite_intl(site: Site) -> None:
    if site.backups.keys.suite is Suite.GM:
        pytest.skip("suite gm is symmetric (docs/decisions/0017)")
    assert site.backups.keys.identity
    (leader, *_) = site.archiver.processes()
    assert in_memory(leader.pid, site.backups.keys.recipients[0])
    assert not in_memory(leader.pid, site.backups.keys.identity)


def in_memory(pid: int, text: str) -> bool:
    """Whether a process holds a text anywhere in memory that it can write to."""
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            bounds, rights = line.split()[:2]
            start, end = (int(part, 16) for part in bounds.split("-"))
            if "rw" in rights:
                memory.seek(start)
                with contextlib.suppress(OSError):
                    if text.encode() in memory.read(end - start):
                        return True
    return False


@any_suite
def test_the_log_archive_is_never_overwritten_by_another_cluster(site: Site, tmp_path: Path) -> None:
    from governance.backup.archive import Label, fetch, list_archive, store  # noqa: PLC0415

    entries, _ = list_archive(site.settings.backups, site.backups.keys.checker)
    entry = next(iter(entries.values()))
    content = fetch(entry, site.backups.keys)
    before = entry.path.read_bytes()
    draft = Label.model_validate(entry.label.model_dump())
    assert store(site.settings.backups, content, draft, site.backups.keys).path == entry.path
    with pytest.raises(BackupError, match="never overwritten"):
        store(site.settings.backups, content[:-1] + b"x", draft, site.backups.keys)
    assert entry.path.read_bytes() == before


# -- ages and commands ------------------------------------------------------------------------------------------------


@any_suite
def test_old_and_vanished_backups_are_found_and_an_empty_place_is_not_called_sound(
    site: Site, frozen: Path, tmp_path: Path
) -> None:
    keys, policy, lock = site.backups.keys, site.backups.policy, lock_file(site.settings)
    later = datetime.now(UTC) + timedelta(hours=policy.newest_backup_hours + 1)
    old = verify_place(frozen, keys, policy, lock, replace(site.backups._expected(), runs=True), later)
    assert [finding.fault for finding in old.findings] == [Fault.OLD, Fault.OLD]
    (tmp_path / "empty").mkdir()
    nothing = verify_place(tmp_path / "empty", keys, policy, lock, Expected({}), later)
    assert nothing.exit_status == 2
    gone = verify_place(tmp_path / "empty", keys, policy, lock, site.backups._expected(), later)
    assert {finding.fault for finding in gone.findings} == {Fault.MISSING, Fault.GAP}
    with pytest.raises(BackupError, match="cannot be read"):
        verify_place(tmp_path / "none", keys, policy, lock, Expected({}), later)


def test_the_command_ends_with_0_1_or_2(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINGLIN_STATE", str(site.settings.state))
    run = CliRunner()
    sound = run.invoke(app, ["backup", "verify"])
    assert sound.exit_code == 0, sound.output
    assert "完好 sound" in sound.output
    file = next(site.settings.backups.glob(f"2*/base.tar.zst{SUFFIX[site.backups.keys.suite]}"))
    file.rename(file.with_name("hidden"))
    faulty = run.invoke(app, ["backup", "verify"])
    file.with_name("hidden").rename(file)
    assert faulty.exit_code == 1
    assert file.name in faulty.output
    monkeypatch.setenv("XINGLIN_BACKUPS", str(site.settings.state / "none"))
    assert run.invoke(app, ["backup", "verify"]).exit_code == 2
    monkeypatch.delenv("XINGLIN_BACKUPS")
    listed = run.invoke(app, ["backups"])
    assert listed.exit_code == 0
    assert "recoverable until" in listed.output


@any_suite
def test_deep_verification_finds_a_page_that_no_longer_fits_its_checksum(site: Site) -> None:
    assert site.backups.verify(deep=True).exit_status == 0
