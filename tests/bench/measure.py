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
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from governance.runtime.postgres import PostgresServer
from governance.runtime.provision import provision
from governance.settings import Settings


@dataclass
class Figure:
    """One measured figure: what, value, unit, the aim it is held against, and how it was measured."""

    group: str
    name: str
    value: float
    unit: str
    aim: str = ""
    note: str = ""


@dataclass
class Results:
    """All figures of a run, and the machine they were measured on; written anew with each figure."""

    folder: Path
    figures: list[Figure] = field(default_factory=list)

    def add(self, group: str, name: str, value: float, unit: str, aim: str = "", note: str = "") -> None:
        """Add a figure and show it at once."""
        figure = Figure(group, name, round(value, 3), unit, aim, note)
        self.figures.append(figure)
        print(f"  {group}: {name}: {figure.value:,} {unit} {f'(aim {aim})' if aim else ''} {note}", flush=True)

    def write(self, folder: Path) -> None:
        """Write ``benchmarks.json`` and ``benchmarks.md``."""
        machine = f"{os.cpu_count()} cores, {_memory_gib():.0f} GiB, Python {platform.python_version()}"
        load = os.getloadavg()[0]
        when = datetime.now(UTC).isoformat(timespec="minutes")
        document = {
            "measured_at": when, "machine": machine, "load": load, "figures": [asdict(f) for f in self.figures]
        }  # fmt: skip
        (folder / "benchmarks.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
        lines = [
            "# Benchmarks", "",
            f"Measured by `make bench` at {when} on {machine}; load average at the end {load:.1f}.", "",
            "| what | figure | unit | aim | how |", "|---|---:|---|---|---|",
        ]  # fmt: skip
        lines += [f"| {f.group}: {f.name} | {f.value:,} | {f.unit} | {f.aim} | {f.note} |" for f in self.figures]
        (folder / "benchmarks.md").write_text("\n".join(lines) + "\n", "utf-8")


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
