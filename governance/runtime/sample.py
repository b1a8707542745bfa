"""The sample hospital's deliveries in a state folder: made once, and never mixed with a sample of another size."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from governance.settings import Settings

DEFAULT_PATIENTS = 2_000
DEFAULT_DAYS = 3
ANSWER_KEY = "answer_key"
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
        "audit_checkpoints": state / "audit_checkpoints",
    }
    return settings.model_copy(update=moved), wanted


def generate_once(settings: Settings, sample: Sample, days: int) -> int:
    """Write the deliveries that are not there yet: the initial load and ``days`` daily ones after it.

    Returns:
        How many deliveries were written now. The answer key lies beside them, in the state folder.

    Raises:
        SampleHospitalError: a size is out of range.
    """
    from include import sample_hospital  # noqa: PLC0415 - the pipeline itself never imports the generator

    record = {"patients": sample.patients, "seed": sample.seed}
    (settings.state / _RECORD).write_text(json.dumps(record) + "\n", "utf-8")
    made = sample_hospital.generate(
        settings.deliveries,
        patients=sample.patients,
        seed=sample.seed,
        daily_deliveries=days,
        answer_key=settings.state / ANSWER_KEY,
    )
    return len(made.written)
