"""The hospital's staff: a fixed, invented team for each department."""

from __future__ import annotations

from functools import lru_cache
from random import Random

from include.sample_hospital import names
from include.sample_hospital.randomness import Stream, derive


@lru_cache(maxsize=256)
def team(seed: int, department: str) -> tuple[str, ...]:
    """Return the ten physicians of a department; the first three are senior."""
    rng = derive(seed, Stream.STAFF, sum(ord(letter) * (place + 1) for place, letter in enumerate(department)))
    return tuple(names.han_name(rng, rng.random() < 0.55) for _ in range(10))


def on_duty(seed: int, department: str, rng: Random) -> dict[str, str]:
    """Return who signs this visit: doctor, senior, assistant, anesthetist."""
    members = team(seed, department)
    return {
        "doctor": rng.choice(members[3:]),
        "senior": rng.choice(members[:3]),
        "assistant": rng.choice(members[5:]),
        "anesthetist": rng.choice(team(seed, "麻醉科")),
    }
