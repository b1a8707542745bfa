"""Kill -9 while backing up, archiving and restoring, 30 times: what is listed restores, and nothing is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from governance.backup.adapter import Target
from governance.backup.scratch import remove_restored
from governance.runtime.postgres import PostgresServer
from tests.conftest import scratch_folder
from tests.integration.backup_site import Site, new_site
from tests.integration.conftest import wait_until_archived

pytestmark = pytest.mark.integration
KILLS = {"backup": 12, "archive": 10, "restore": 8}
_PROGRAM = (
    "import sys; from pathlib import Path; from governance.settings import Settings;"
    "from governance.backup import EmbeddedBackups, Target;"
    "s = Settings.from_environment({'XINGLIN_STATE': sys.argv[1]});"
    "print('ready', flush=True); b = EmbeddedBackups.of(s, sys.stdin.read());"
)
_BACK_UP = _PROGRAM + "b.record('killed', None) if sys.argv[2] == 'full' else b.due('killed')"
_RESTORE = _PROGRAM + "b.restore(Path(sys.argv[2]), target=Target(latest=True))"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with scratch_folder() as folder:
        made = new_site(folder / "state")
        try:
            made.backups.full("full")
            yield made
        finally:
            made.archiver.stop()
            made.server.destroy()


class Killer:
    """Kills programs while they run, at moments drawn from the time that they were seen to take."""

    def __init__(self, site: Site, seed: int, longest: float) -> None:
        self.site = site
        self.draw = random.Random(seed)
        self.longest = longest  # seconds; a program that ends before its moment makes it shorter

    def kill(self, program: str, argument: Callable[[], str]) -> None:
        """Run ``program`` until one run of it was killed; every run is given a new argument."""
        for _ in range(10):
            with subprocess.Popen(
                [sys.executable, "-c", program, str(self.site.settings.state), argument()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            ) as child:
                assert child.stdin
                assert child.stdout
                assert child.stdout.readline() == b"ready\n"
                child.stdin.write(self.site.secrets["dsn_backup"].encode())
                child.stdin.close()
                started = time.monotonic()
                try:
                    assert child.wait(self.draw.uniform(0.05, self.longest)) == 0
                except subprocess.TimeoutExpired:
                    child.kill()
                    return
            self.longest = time.monotonic() - started
        raise AssertionError("ten runs ended before they could be killed")


def test_a_killed_backup_is_not_listed_and_a_listed_one_restores(site: Site, tmp_path: Path) -> None:
    killers = [(Killer(site, 1, 2.0), "due"), (Killer(site, 4, 2.0), "full")]
    for number in range(KILLS["backup"]):
        killer, kind = killers[number % 2]
        killer.kill(_BACK_UP, lambda kind=kind: kind)
        assert site.backups.backups().faults == ()
    site.backups.full("after")
    result = site.backups.verify()
    assert result.findings == ()
    assert result.unchecked == ()
    for info in site.backups.backups().backups:
        assert site.backups.restore(tmp_path / info.backup_id, backup=info.backup_id).comparison.holds
        remove_restored(tmp_path / info.backup_id)


def test_a_killed_archiver_loses_nothing(site: Site, tmp_path: Path) -> None:
    draw = random.Random(2)
    written: list[int] = []
    ended = threading.Event()

    def write() -> None:
        with site.connect() as connection:
            while not ended.is_set():
                number = 1000 + len(written)
                connection.execute("insert into sample.event values (%s, repeat('x', 5000))", (number,))
                written.append(number)
                time.sleep(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(KILLS["archive"]):
            time.sleep(draw.uniform(0.3, 2.5))
            victims = site.archiver.processes()
            for victim in victims[: draw.choice([1, 2])]:  # the archiver alone, or its receiver as well
                os.kill(victim.pid, signal.SIGKILL)
            while victims[0].is_alive():  # one that is still dying counts as running
                time.sleep(0.01)
            site.archiver.start(site.server, site.secrets)
    finally:
        ended.set()
        writer.join()
    wait_until_archived(site.settings, site.write(1), patience=240)  # a backlog of many kills, beside other tests
    assert site.backups.verify().findings == ()
    restored = site.backups.restore(tmp_path / "copy", target=Target(latest=True), keep=True)
    try:
        assert set(written) <= set(site.numbers(restored.dsn()))
    finally:
        remove_restored(tmp_path / "copy")


def test_a_killed_restore_is_removed_with_its_server_and_harms_nothing(site: Site, tmp_path: Path) -> None:
    killer = Killer(site, 3, 5.0)
    folders = [tmp_path / str(number) for number in range(10 * KILLS["restore"])]
    unused = iter(folders)
    for _ in range(KILLS["restore"]):
        killer.kill(_RESTORE, lambda: str(next(unused)))
        for to in folders:
            if to.exists() and any(to.iterdir()):
                remove_restored(to)
            assert not PostgresServer(to / "data").processes
            assert not to.exists() or not any(to.iterdir())
    site.backups.full("after")  # clears what a backup of the tests before may have left
    result = site.backups.verify()
    assert (result.findings, result.unchecked) == ((), ())
    restored = site.backups.restore(tmp_path / "whole", keep=True)
    try:
        with psycopg.connect(restored.dsn()) as connection:
            assert connection.execute("select count(*) from sample.still").fetchone() == (20_000,)
    finally:
        remove_restored(tmp_path / "whole")
