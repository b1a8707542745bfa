"""Which sample hospital is meant, and where it lives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from governance.runtime.sample import DEFAULT_PATIENTS, Sample, choose
from governance.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"XINGLIN_STATE": str(tmp_path)})


def _hold(settings: Settings, patients: int, seed: int) -> None:
    (settings.state / "sample.json").write_text(json.dumps({"patients": patients, "seed": seed}))


def test_an_empty_state_gets_the_default_sample(settings: Settings) -> None:
    assert choose(settings, None, 1) == (settings, Sample(DEFAULT_PATIENTS, 1))


def test_the_sample_that_is_there_is_used_again(settings: Settings) -> None:
    _hold(settings, 300, 1)
    assert choose(settings, None, 1) == (settings, Sample(300, 1))


def test_another_size_gets_its_own_state_and_keys(settings: Settings) -> None:
    _hold(settings, 300, 1)
    moved, sample = choose(settings, 20_000, 1)
    assert sample == Sample(20_000, 1)
    assert moved.state == settings.state / "sample-20000-1"
    assert moved == Settings.from_environment({"XINGLIN_STATE": str(moved.state)})
