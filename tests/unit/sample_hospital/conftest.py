"""One small hospital, made once for all tests of the generator."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from sample_reading import Hospital

from include.sample_hospital import generate


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    root = tmp_path_factory.mktemp("sample") / "exports"
    summary = generate(root, patients=300, seed=7, daily_deliveries=5)
    return Hospital(root, root.parent / "answer_key", summary)
