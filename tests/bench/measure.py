"""Measuring: wall and processor seconds, peak memory, a scratch warehouse, and the table at the end."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from governance.runtime.postgres import PostgresServer
from governance.runtime.provision import provision
from governance.settings import Settings


@dataclass
class Figure:
    """One measured figure: what, value, unit, the aim it is held against, how, when, and at which load average."""

    group: str
    name: str
    value: float
    unit: str
    aim: str = ""
    note: str = ""
    measured_at: str = ""
    load: float = 0.0


class Results:
    """All figures; both files are written anew with each. Groups that this run does not measure keep their old ones."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._figures = folder, [Figure(**f) for f in _earlier(folder / "benchmarks.json")]
        self._groups: set[str] = set()
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, group: str, name: str, value: float, unit: str, aim: str = "", note: str = "") -> None:
        """Add a figure and show it at once."""
        if group not in self._groups:
            self._groups.add(group)
            self._figures = [figure for figure in self._figures if figure.group != group]
        when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
        figure = Figure(group, name, round(value, 3), unit, aim, note, when, round(os.getloadavg()[0], 1))
        self._figures.append(figure)
        print(f"  {group}: {name}: {figure.value:,} {unit} {f'(aim {aim})' if aim else ''} {note}", flush=True)
        self._write()

    def groups(self) -> list[str]:
        """Groups that have a figure, of this run or an earlier one."""
        return list(dict.fromkeys(figure.group for figure in self._figures))

    def value(self, group: str, name: str) -> float:
        """The value of a figure of this run or an earlier one."""
        return next(figure.value for figure in self._figures if (figure.group, figure.name) == (group, name))

    def _write(self) -> None:
        machine = f"{os.cpu_count()} cores, {_memory_gib():.0f} GiB, Python {platform.python_version()}"
        document = {"machine": machine, "figures": [asdict(figure) for figure in self._figures]}
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        (self._folder / "benchmarks.json").write_text(text, "utf-8")
        lines = [
            "# Benchmarks", "",
            f"Measured by `make bench` on {machine}. A load average above 2 means that others were at work, too.", "",
            "| what | figure | unit | aim | how | when (UTC), load |", "|---|---:|---|---|---|---|",
        ]  # fmt: skip
        lines += [
            f"| {f.group}: {f.name} | {f.value:,} | {f.unit} | {f.aim} | {f.note} | {f.measured_at}, {f.load} |"
            for f in self._figures
        ]
        (self._folder / "benchmarks.md").write_text("\n".join(lines) + "\n", "utf-8")


def _earlier(file: Path) -> list[dict[str, Any]]:
    try:
        figures = json.loads(file.read_text("utf-8"))["figures"]
        return [figure for figure in figures if figure.get("measured_at")]
    except (OSError, ValueError, KeyError):
        return []


@dataclass(frozen=True)
class Cost:
    """Wall seconds, processor seconds of this process and of the server's, and peak resident memory in MiB."""

    wall: float
    cpu: float
    server_cpu: float
    peak_mib: float


def run_measured(module: str, arguments: list[str], environment: dict[str, str], server: PostgresServer) -> Cost:
    """Run ``python -m module`` as a process of its own and measure it and the server beside it."""
    before = server_cpu(server)
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], env={**os.environ, **environment})
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)} ended with {process.returncode}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, server_cpu(server) - before, usage.ru_maxrss / 1024)


def server_cpu(server: PostgresServer) -> float:
    """Processor seconds of the server and all its children, ended ones included."""
    postmaster = int((server.data_dir / "postmaster.pid").read_text().splitlines()[0])
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        own, parent = int(stat.parent.name), int(fields[1])
        if own == postmaster:
            total += sum(int(fields[i]) for i in (11, 12, 13, 14)) / ticks
        elif parent == postmaster:
            total += (int(fields[11]) + int(fields[12])) / ticks
    return total


@contextmanager
def scratch_site(folder: Path, deliveries: Path) -> Iterator[tuple[Settings, PostgresServer]]:
    """A provisioned warehouse with the product's own settings, removed afterwards."""
    environment = {"XINGLIN_STATE": str(folder / "state"), "XINGLIN_DELIVERIES": str(deliveries)}
    settings = Settings.from_environment(environment)
    server = PostgresServer(
        settings.state / "postgres", log_file=settings.state / "logs" / "postgres.log", superuser_password="bench-" * 4
    )
    try:
        server.initialise()
        server.start()
        provision(server, settings)
        yield settings, server
    finally:
        server.destroy()


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment under which a process works on a site."""
    return {"XINGLIN_STATE": str(settings.state), "XINGLIN_DELIVERIES": str(settings.deliveries)}


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
