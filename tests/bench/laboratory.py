"""A laboratory file of any size, and the rate at which collect takes it in."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import psycopg

from governance.database import Role, connection_string
from governance.settings import PROJECT
from tests.bench.measure import Results, environment_of, run_measured, scratch_site

_HEADER = (
    "RESULT_ID,SAMPLE_NO,PAT_NO,HIS_VISIT_NO,TEST_CODE,TEST_NAME,RESULT_VALUE,RESULT_TEXT,UNIT,REF_LOW,REF_HIGH,FLAG,"
    "SAMPLE_TIME,REPORT_TIME,INSTRUMENT\n"
)
_PER_SAMPLE = 20


def write_laboratory(root: Path, rows: int) -> Path:
    """Write ``lis_patient.csv`` and ``lis_result.csv``: valid rows, twenty results a sample; returns the latter."""
    folder = root / "lis" / "2026-06-01"
    folder.mkdir(parents=True)
    with (PROJECT / "include" / "reference" / "lab_plausible.csv").open(encoding="utf-8", newline="") as file:
        limits = csv.DictReader(file)
        tests = [(r["test_code"], r["unit"], float(r["low"] or 1), float(r["high"] or 10)) for r in limits]
    patients = max(50, rows // 100)
    with (folder / "lis_patient.csv").open("w", encoding="utf-8") as file:
        file.write("PAT_NO,PAT_NAME,SEX,BIRTH_DATE,ID_CARD,PHONE\n")
        file.writelines(f"L{n:08d},测试某{n % 100},M,1970/01/02,,\n" for n in range(patients))
    result = folder / "lis_result.csv"
    with result.open("w", encoding="utf-8") as file:
        file.write(_HEADER)
        for n in range(rows):
            code, unit, low, high = tests[n % len(tests)]
            sample = n // _PER_SAMPLE
            day = f"2026-05-{1 + sample % 28:02d}"
            file.write(
                f"R{n:012d},S{sample:010d},L{sample * 7 % patients:08d},V{sample:010d},{code},检验项目,"
                f"{low + (high - low) * 0.3:.2f},,{unit},{low},{high},N,{day} 08:{sample % 60:02d}:00,"
                f"{day} 10:{sample % 60:02d}:00,XN-9000\n"
            )
    return result


def measure_collect(results: Results, folder: Path, rows: int) -> None:
    """Rows a second of collect with checks, tokens and COPY, its memory, and what a user would take instead."""
    file = write_laboratory(folder / "deliveries", rows)
    with scratch_site(folder, folder / "deliveries") as (settings, server):
        environment = environment_of(settings) | {"POLARS_MAX_THREADS": "1"}
        cost = run_measured("governance.cli", ["collect", "lis"], environment, server)
        note = f"{rows:,} rows, {file.stat().st_size / 2**20:.0f} MiB"
        results.add("collect", "lab results a second of wall time", rows / cost.wall, "rows/s", "", note)
        results.add("collect", "lab results a second of its own core", rows / cost.cpu, "rows/s", "100,000", note)
        both = cost.cpu + cost.server_cpu
        results.add("collect", "the same, PostgreSQL's core time added", rows / both, "rows/s", "", note)
        results.add("collect", "peak memory", cost.peak_mib, "MiB", "< 1,024", note)
        dsn = connection_string(Role.ADMIN, settings.state)
        results.add("collect", "instead: bare COPY, no checks, no tokens", rows / _bare_copy(dsn, file), "rows/s")
        few = min(rows, 50_000)
        seconds = _row_by_row(dsn, file, few)
        results.add("collect", "instead: csv module and executemany, no checks", few / seconds, "rows/s")


def _bare_copy(dsn: str, file: Path) -> float:
    columns = ", ".join(f"{name.lower()} text" for name in _HEADER.strip().split(","))
    started = time.perf_counter()
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(f"create temporary table raw ({columns})")
        with cursor.copy("copy raw from stdin (format csv, header)") as copy, file.open("rb") as source:
            while block := source.read(1 << 20):
                copy.write(block)
    return time.perf_counter() - started


def _row_by_row(dsn: str, file: Path, rows: int) -> float:
    width = _HEADER.count(",") + 1
    columns = ", ".join(f"c{n} text" for n in range(width))
    started = time.perf_counter()
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor, file.open(encoding="utf-8") as source:
        cursor.execute(f"create temporary table slow ({columns})")
        reader = csv.reader(source)
        next(reader)
        values = [row for _, row in zip(range(rows), reader, strict=False)]
        cursor.executemany(f"insert into slow values ({', '.join(['%s'] * width)})", values)
    return time.perf_counter() - started
