"""Processes are told apart by pid and start time."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from governance.runtime import processes
from governance.runtime.processes import ProcessId, free_port, processes_in, session_of, terminate_all


@pytest.fixture
def sleeper() -> subprocess.Popen[bytes]:
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield child
    child.kill()
    child.wait()


def test_a_pid_that_was_given_to_somebody_else_is_not_the_process() -> None:
    own = ProcessId.of(os.getpid())
    assert own is not None
    assert own.is_alive()
    assert not ProcessId(own.pid, own.started - 1).is_alive()


def test_no_process_has_no_identity() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    assert ProcessId.of(child.pid) is None


def test_a_process_that_ignores_the_request_is_killed() -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    identity = ProcessId.of(child.pid)
    assert identity is not None
    assert identity.terminate(timeout=0.3) is False
    assert not identity.is_alive()


def test_each_of_several_is_asked_to_end_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second request breaks off an orderly end; Airflow's scheduler then hangs."""
    children = [subprocess.Popen(["sleep", "60"]) for _ in range(2)]
    sent, kill = [], os.kill

    def recorded(pid: int, number: int) -> None:
        sent.append((pid, number))
        time.sleep(0.05)  # the others are asked meanwhile
        kill(pid, number)

    monkeypatch.setattr(processes.os, "kill", recorded)
    terminate_all([identity for child in children if (identity := ProcessId.of(child.pid))], timeout=5)
    assert sent == [(child.pid, signal.SIGTERM) for child in children]


def test_a_child_that_has_ended_is_not_taken_for_alive(sleeper: subprocess.Popen[bytes]) -> None:
    identity = ProcessId.of(sleeper.pid)
    assert identity is not None
    assert identity.terminate(timeout=5) is True
    assert not identity.is_alive()


def test_processes_are_found_by_folder_and_program(tmp_path: Path) -> None:
    child = subprocess.Popen(["sleep", "60"], cwd=tmp_path)
    try:
        assert [found.pid for found in processes_in(tmp_path, "sleep")] == [child.pid]
        assert processes_in(tmp_path, "postgres") == []
        assert processes_in(tmp_path.parent, "sleep") == []
    finally:
        child.kill()
        child.wait()


def test_a_session_is_found_after_its_leader_has_ended(tmp_path: Path) -> None:
    leader = subprocess.Popen(
        ["sh", "-c", "sleep 60 & echo $!; read line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert leader.stdout is not None
    stray = int(leader.stdout.readline())
    identity = ProcessId.of(leader.pid)
    assert identity is not None
    assert {found.pid for found in session_of(identity)} == {leader.pid, stray}
    leader.kill()
    leader.wait()
    strays = session_of(identity)
    assert [found.pid for found in strays] == [stray]
    strays[0].send(signal.SIGKILL)


def test_a_session_whose_pid_was_reused_is_empty(sleeper: subprocess.Popen[bytes]) -> None:
    current = ProcessId.of(sleeper.pid)
    assert current is not None
    assert session_of(ProcessId(current.pid, current.started - 1)) == []


def test_the_wanted_port_is_taken_only_when_it_is_free() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        assert free_port(taken) != taken
    wanted = free_port()
    assert free_port(wanted) == wanted
