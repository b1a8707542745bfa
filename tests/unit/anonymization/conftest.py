"""Shared values: the shipped policy, a fixed key, and one deidentifier for the whole session (Presidio loads once)."""

from __future__ import annotations

from pathlib import Path

import pytest

from anonymization.policy import DeidentificationPolicy, load_policy
from anonymization.text import TextDeidentifier

POLICY_FILE = Path(__file__).parents[3] / "include" / "policy" / "deidentification.yaml"
KEY = bytes(range(32))


@pytest.fixture(scope="session")
def policy() -> DeidentificationPolicy:
    return load_policy(POLICY_FILE)


@pytest.fixture(scope="session")
def deidentifier(policy: DeidentificationPolicy) -> TextDeidentifier:
    return TextDeidentifier(policy, KEY, staff=["程思远", "禤旻"])
