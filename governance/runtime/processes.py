"""Processes told apart for certain: a pid alone may have been given to somebody else since it was written down.

A process is identified by its pid together with the clock tick at which it started; both come from ``/proc``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_PORTS = range(20_000, 30_000)


@dataclass(frozen=True)
class ProcessId:
    """One process for certain: ``started`` is its start in clock ticks since the machine booted."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """The identity of a living process, or None if there is none (a zombie counts as none)."""
        fields = _stat_fields(pid)
        if fields is None or fields[0] in ("Z", "X"):
            return None
        return cls(pid, int(fields[19]))

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        _reap(self.pid)
        return ProcessId.of(self.pid) == self

    def terminate(self, timeout: float, first: signal.Signals = signal.SIGTERM) -> bool:
        """Ask the process to end, wait, and kill it if it does not. Returns False when it had to be killed."""
        self.send(first)
        return self.end(timeout)

    def end(self, timeout: float) -> bool:
        """Wait until the process has ended, and kill it if it does not. Returns False when it had to be killed."""
        if self._wait(timeout):
            return True
        self.send(signal.SIGKILL)
        self._wait(5)
        return False

    def send(self, number: signal.Signals) -> None:
        """Send a signal if the process still runs."""
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _wait(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while self.is_alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


def terminate_all(processes: list[ProcessId], timeout: float) -> None:
    """Ask all of them to end, each once, then wait; those that have not ended by then are killed.

    A second request would break off the orderly end that the first one began (Airflow's scheduler then hangs).
    """
    deadline = time.monotonic() + timeout
    for process in processes:
        process.send(signal.SIGTERM)
    for process in processes:
        process.end(max(deadline - time.monotonic(), 0))


def processes_in(folder: Path, program: str) -> list[ProcessId]:
    """Living processes of a program whose working directory is ``folder`` (a PostgreSQL server stands in its data)."""
    real = folder.resolve()
    found = []
    for pid in _pids():
        with contextlib.suppress(OSError):
            process = _PROC / str(pid)
            if (
                (process / "cwd").readlink() == real
                and (process / "exe").readlink().name.startswith(program)
                and (identity := ProcessId.of(pid))
            ):
                found.append(identity)
    return found


def session_of(leader: ProcessId) -> list[ProcessId]:
    """Living processes of the session that ``leader`` opened, also after its own end; itself included.

    The kernel gives no pid away that still names a session, so what is found here was started by the leader.
    """
    heir = ProcessId.of(leader.pid)
    if heir is not None and heir != leader:
        return []  # the pid belongs to somebody else now, hence the old session is empty
    found = []
    for pid in _pids():
        fields = _stat_fields(pid)
        if fields and int(fields[3]) == leader.pid and (identity := ProcessId.of(pid)):
            found.append(identity)
    return found


def proportional_memory(process: ProcessId) -> int:
    """Bytes of memory of a process, shared pages divided among those who share them; 0 if it cannot be read."""
    with contextlib.suppress(OSError):
        for line in (_PROC / str(process.pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def free_port(preferred: int | None = None) -> int:
    """A TCP port of 127.0.0.1 on which nobody listens; ``preferred`` if that one is free.

    Others are drawn at random, so that two servers that start together do not draw the same one, and below the range
    from which the kernel gives out ports, because a server may take 10 s until it listens.
    """
    drawn = [secrets.choice(_PORTS) for _ in range(100)]
    for candidate in [preferred, *drawn] if preferred else drawn:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free TCP port on 127.0.0.1")


def _pids() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _stat_fields(pid: int) -> list[str] | None:
    """Fields of /proc/<pid>/stat from the third (state) on; the second may hold spaces and parentheses."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _reap(pid: int) -> None:
    """Collect the exit status if the process was a child of ours, so that it does not stay as a zombie."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
