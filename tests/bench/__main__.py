"""``make bench``: measure and write ``docs/benchmarks.md`` and ``docs/benchmarks.json``.

make bench                                       # 1,000,000 lab results; 2,000 and 20,000 patients
make bench ROWS=5000000 SIZES="2000 20000 100000"
python -m tests.bench --parts collect audit      # some parts only
"""

from __future__ import annotations

import argparse
import subprocess
import time
from pathlib import Path

from governance.settings import PROJECT
from tests.bench.audit import measure_audit
from tests.bench.backup import measure_backup
from tests.bench.deidentification import measure_deidentification
from tests.bench.encryption import measure_encryption
from tests.bench.laboratory import measure_collect
from tests.bench.measure import Results
from tests.bench.stages import measure_stages
from tests.conftest import scratch_folder

PARTS = ("collect", "deidentify", "encryption", "audit", "backup", "stages")


def main() -> None:
    """Read the arguments, measure, write."""
    parser = argparse.ArgumentParser(description="measure what Xinglin costs on this machine")
    parser.add_argument("--rows", type=int, default=1_000_000, help="lab results of the collect measurement")
    parser.add_argument("--sizes", type=int, nargs="+", default=[2_000, 20_000], help="sizes of the sample hospital")
    parser.add_argument("--megabytes", type=int, default=2_400, help="size of the database that is backed up")
    parser.add_argument("--parts", nargs="+", default=PARTS, choices=PARTS, help="what to measure")
    parser.add_argument("--set-up", action="store_true", help="also time set-up from a fresh clone")
    parser.add_argument("--out", type=Path, default=PROJECT / "docs")
    chosen = parser.parse_args()
    results = Results(chosen.out)
    with scratch_folder() as folder:
        if chosen.set_up:
            _measure_set_up(results, folder)
        if "collect" in chosen.parts:
            measure_collect(results, folder / "collect", chosen.rows)
        if "deidentify" in chosen.parts:
            measure_deidentification(results, folder / "deidentify")
        if "encryption" in chosen.parts:
            measure_encryption(results, folder / "encryption")
        if "audit" in chosen.parts:
            measure_audit(results, folder / "audit", chosen.rows)
        if "backup" in chosen.parts:
            measure_backup(results, folder / "backup", chosen.megabytes)
        if "stages" in chosen.parts:
            measure_stages(results, folder / "stages", sorted(chosen.sizes))
    print(f"written: {chosen.out / 'benchmarks.md'}, {chosen.out / 'benchmarks.json'}")


def _measure_set_up(results: Results, folder: Path) -> None:
    clone = folder / "clone"
    subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
    started = time.perf_counter()
    subprocess.run(["make", "setup"], cwd=clone, check=True)
    results.add("set-up", "fresh clone to ready environment", time.perf_counter() - started, "s", "< 360")


if __name__ == "__main__":
    main()
