"""The archiver: receives the write-ahead log from the server as it is written, and archives each finished segment.

``python -m governance.backup.archiver`` reads its orders (JSON, :class:`Orders`) from its standard input: it is given
the keys for encrypting and signing, and in suite intl none for reading. pg_receivewal writes into a private folder
outside the backup place; its replication slot makes the server keep what is not received yet. By the clock a heartbeat
(an empty transaction) is committed and the segment closed, so that the archive is never older than that, also while
nobody works. What it does, and whether it can, stands in a status file (:class:`Status`). docs/decisions/0016.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import AwareDatetime, Base64Bytes, BaseModel, ConfigDict

from anonymization.encryption import Suite
from governance.backup.archive import Label, is_log, store
from governance.backup.keys import BackupKeys
from governance.backup.signing import Signer
from governance.backup.wal import SEGMENT, bounds, position
from governance.errors import BackupError

SLOT = "xinglin_archive"
_PATIENCE = 10  # seconds that the last segment may take when the archiver is asked to end


class Orders(BaseModel):
    """What the archiver is to do; holds secrets, hence comes by standard input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dsn: str
    receiver: str  # path of pg_receivewal
    backups: Path
    spool: Path
    status: Path
    heartbeat_seconds: float
    suite: Suite
    recipients: tuple[str, ...]
    signing: dict[int, Base64Bytes]
    stream: dict[int, Base64Bytes]

    def keys(self) -> BackupKeys:
        """The keys, without any for reading in suite intl."""
        return BackupKeys(self.recipients, Signer(self.signing), self.suite, self.stream)


class Status(BaseModel):
    """What the archiver last said of itself.

    Attributes:
        state: ``archiving``, ``failing`` (then ``fault`` says why), or ``stopped``.
        head: the newest segment in the archive; ``until``: every commit before it is in the archive.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: str
    at: AwareDatetime
    fault: str = ""
    head: str = ""
    until: AwareDatetime | None = None
    segments: int = 0
    bytes: int = 0

    @classmethod
    def read(cls, path: Path) -> Status | None:
        """The status in a file, ``None`` if there is none."""
        with contextlib.suppress(OSError, ValueError):
            return cls.model_validate_json(path.read_bytes())
        return None


class Archiver:
    """One run of the archiver."""

    def __init__(self, orders: Orders) -> None:
        self._orders, self._keys = orders, orders.keys()
        earlier = Status.read(orders.status)
        self._status = earlier or Status(state="archiving", at=datetime.now(UTC))
        self._beats: list[tuple[int, datetime]] = []  # position of the log, and the moment before which all is in it
        self._system = ""
        self._receiver: subprocess.Popen[bytes] | None = None
        self._ending = False
        self._beaten = -orders.heartbeat_seconds
        os.umask(0o077)
        os.nice(5)  # archiving waits for those who work, by seconds

    def run(self) -> None:
        """Archive until a SIGTERM; then close the segment, archive it, and end."""
        signal.signal(signal.SIGTERM, self._end)
        self._orders.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        pause = 0.2
        while not self._ending:
            try:
                self._step()
                pause = 0.2
            except (BackupError, psycopg.Error, OSError) as error:
                self._report("failing", str(error).strip().replace("\n", "; ")[:500])
                pause = min(pause * 2, 5.0)
            time.sleep(pause)
        with contextlib.suppress(psycopg.Error):
            self._last_segment()
        self._stop_receiver()
        with contextlib.suppress(BackupError, OSError):
            self._archive_finished()
        self._report("stopped")

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._ending = True

    def _step(self) -> None:
        if self._receiver is None or self._receiver.poll() is not None:
            self._start_receiver()
        if time.monotonic() - self._beaten >= self._orders.heartbeat_seconds:
            self._beat()
        self._archive_finished()
        if self._status.state != "archiving":
            self._report("archiving")

    def _beat(self) -> int:
        """Commit an empty transaction and close the segment; position up to which the archive is then needed."""
        with self._connected() as connection:
            moment = datetime.now(UTC)
            connection.execute("select pg_current_xact_id()")  # a transaction with an id leaves a commit in the log
            row = connection.execute("select pg_current_wal_insert_lsn()::text, pg_switch_wal()::text").fetchone()
        assert row is not None  # noqa: S101 - a select of functions returns one row
        self._beats.append((position(row[0]), moment))
        self._beaten = time.monotonic()
        return position(row[0])

    def _last_segment(self) -> None:
        """Close the segment and wait until it is archived."""
        wanted, deadline = self._beat(), time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            self._archive_finished()
            if self._status.head and bounds(self._status.head)[2] >= wanted:
                return
            if self._receiver is None or self._receiver.poll() is not None:
                return
            time.sleep(0.05)

    def _archive_finished(self) -> None:
        """Archive what the receiver has finished, oldest first, and remove it from the spool."""
        if not self._system:
            return  # the server was never reached: what lies in the spool waits
        for path in sorted(path for path in self._orders.spool.iterdir() if is_log(path.name)):
            content = path.read_bytes()
            until = self._until(path.name)
            draft = Label(
                name=path.name, system_identifier=self._system, plain_sha256="", plain_size=0, sha256="", size=0,
                sealed_at=datetime.now(UTC), until=until,
            )  # fmt: skip
            entry = store(self._orders.backups, content, draft, self._keys)
            is_segment = bool(SEGMENT.match(path.name))
            path.unlink()
            self._status = self._status.model_copy(
                update={
                    "head": path.name if is_segment else self._status.head,
                    "until": entry.label.until or self._status.until,
                    "segments": self._status.segments + is_segment,
                    "bytes": self._status.bytes + entry.label.size,
                }
            )
            self._report("archiving")

    def _until(self, name: str) -> datetime | None:
        """The newest heartbeat that lies before the end of a segment."""
        if not SEGMENT.match(name):
            return None
        end = bounds(name)[2]
        reached = [moment for at, moment in self._beats if at <= end]
        self._beats = [(at, moment) for at, moment in self._beats if at > end]
        return max(reached, default=self._status.until)

    def _start_receiver(self) -> None:
        """Start pg_receivewal on our slot, which is made if there is none."""
        said = self._receiver_said()
        with self._connected() as connection:
            make_slot(connection)
            connection.execute(  # a receiver that a killed archiver left behind
                "select pg_terminate_backend(active_pid, 5000) from pg_replication_slots"
                " where slot_name = %s and active_pid is not null",
                (SLOT,),
            )
            lost = connection.execute(
                "select pg_drop_replication_slot(slot_name) from pg_replication_slots"
                " where slot_name = %s and wal_status = 'lost'",
                (SLOT,),
            ).fetchone()
            row = connection.execute("select system_identifier::text from pg_control_system()").fetchone()
        if lost is not None:
            raise BackupError(
                "the server had to drop log that was not archived: there is a gap, take a full backup (xinglin backup)"
            )
        assert row is not None  # noqa: S101 - a select from a function returns one row
        self._system = row[0]
        if said:
            self._report("failing", f"pg_receivewal ended: {said}")
        parameters = {k: str(v) for k, v in conninfo_to_dict(self._orders.dsn).items() if v is not None}
        password = parameters.pop("password", "")
        parameters.pop("dbname", None)
        self._receiver = subprocess.Popen(
            [
                *(self._orders.receiver, f"--directory={self._orders.spool}", f"--slot={SLOT}", "--no-loop"),
                *("--no-password", "--status-interval=5", f"--dbname={make_conninfo(**parameters)}"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self._orders.spool / "receiver.log").open("wb"),
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGPASSWORD": password},
        )

    def _receiver_said(self) -> str:
        if self._receiver is None:
            return ""
        with contextlib.suppress(OSError):
            text = (self._orders.spool / "receiver.log").read_text("utf-8", errors="replace")
            return text.strip().replace("\n", "; ")[-300:] or f"status {self._receiver.poll()}"
        return "no message"

    def _stop_receiver(self) -> None:
        if self._receiver is not None and self._receiver.poll() is None:
            self._receiver.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._receiver.wait(3)
            self._receiver.kill()
            self._receiver.wait()

    def _connected(self) -> contextlib.AbstractContextManager[psycopg.Connection]:
        """A short connection to the database ``postgres``, where the backup role may close a segment."""
        dsn = make_conninfo(self._orders.dsn, dbname="postgres", connect_timeout=5)
        return psycopg.connect(dsn, autocommit=True, application_name="xinglin archiver")

    def _report(self, state: str, fault: str = "") -> None:
        self._status = self._status.model_copy(update={"state": state, "fault": fault, "at": datetime.now(UTC)})
        temporary = self._orders.status.with_suffix(".new")
        temporary.write_text(self._status.model_dump_json(), "utf-8")
        temporary.replace(self._orders.status)


def make_slot(connection: psycopg.Connection) -> None:
    """Make the replication slot if there is none; from then on the server keeps log for the archiver."""
    connection.execute(
        "select pg_create_physical_replication_slot(%s, true) where not exists"
        " (select from pg_replication_slots where slot_name = %s)",
        (SLOT, SLOT),
    )


def main() -> None:
    """Read the orders and archive until told to end."""
    Archiver(Orders.model_validate_json(sys.stdin.buffer.read())).run()


if __name__ == "__main__":
    main()
