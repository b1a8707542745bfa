"""Command line: ``python -m include.sample_hospital --out DIR --patients N --seed S --days D``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from include.sample_hospital import SampleHospitalError, generate


def main(arguments: list[str] | None = None) -> int:
    """Generate the deliveries and print one line a delivery; return 2 when the request cannot be met."""
    parser = argparse.ArgumentParser(
        prog="python -m include.sample_hospital", description="Generate the sample hospital's deliveries."
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the deliveries")
    parser.add_argument("--answer-key", type=Path, help="folder of the answer key (default: beside the deliveries)")
    parser.add_argument("--patients", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=20260601)
    parser.add_argument("--days", type=int, default=3, help="daily deliveries after the initial load")
    options = parser.parse_args(arguments)
    try:
        summary = generate(options.out, options.patients, options.seed, options.days, options.answer_key)
    except SampleHospitalError as error:
        print(f"sample hospital: {error}", file=sys.stderr)
        return 2
    for name in summary.deliveries:
        state = "written" if name in summary.written else "already there"
        print(f"{name}  {sum(summary.rows[name].values()):>10,} rows  {state}")
    print(f"{summary.total_rows:,} rows in {summary.seconds:.1f} s; answer key: {summary.answer_key}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
