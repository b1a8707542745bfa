"""The sample hospital's deliveries in a state folder: made once, and never mixed with a sample of another size."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from governance.settings import Settings

DEFAULT_PATIENTS = 2_000
_RECORD = "sample.json"


@dataclass(frozen=True)
class Sample:
    """A sample hospital: same numbers, same files."""

    patients: int
    seed: int

    @classmethod
    def recorded(cls, state: Path) -> Sample | None:
        """The sample that a state folder holds, if any."""
        try:
            entry = json.loads((state / _RECORD).read_text("utf-8"))
            return cls(int(entry["patients"]), int(entry["seed"]))
        except (OSError, ValueError, KeyError):
            return None


def choose(settings: Settings, patients: int | None, seed: int) -> tuple[Settings, Sample]:
    """Which sample is meant, and the settings of the state folder that it belongs to.

    Without a wanted size the sample that is there is taken, else the default one. Another size or seed than that of
    the sample that is there gets a state folder of its own beneath: two invented hospitals share no warehouse.
    """
    held = Sample.recorded(settings.state)
    wanted = Sample(patients or (held.patients if held else DEFAULT_PATIENTS), seed)
    if held is None or held == wanted:
        return settings, wanted
    state = settings.state / f"sample-{wanted.patients}-{wanted.seed}"
    moved = {
        "state": state,
        "deliveries": state / "deliveries",
        "keyring": state / "keys" / "keyring.json",
        "backups": state / "backups",
    }
    return settings.model_copy(update=moved), wanted


def generate_once(settings: Settings, sample: Sample) -> bool:
    """Write the sample's deliveries unless they are there; returns whether they were written now."""
    from include import sample_hospital  # noqa: PLC0415 - the pipeline itself never imports the generator

    if Sample.recorded(settings.state) == sample:
        return False
    unfinished = settings.state / "deliveries.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    sample_hospital.generate(unfinished, patients=sample.patients, seed=sample.seed)
    shutil.rmtree(settings.deliveries, ignore_errors=True)
    unfinished.rename(settings.deliveries)
    record = {"patients": sample.patients, "seed": sample.seed}
    (settings.state / _RECORD).write_text(json.dumps(record) + "\n", "utf-8")
    return True
