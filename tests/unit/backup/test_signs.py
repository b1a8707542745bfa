"""Warning signs: each planted sign warns, usual growth does not, and too few figures are not judged."""

from __future__ import annotations

import base64
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from governance.backup.adapter import BackupInfo, BackupKind
from governance.backup.archiver import Status
from governance.backup.policy import load_backup_policy
from governance.backup.signs.backups import change_jump, size_jump, stalled, too_old
from governance.backup.signs.model import Sign, SignState
from governance.backup.signs.randomness import compressed_share, folders, randomness
from governance.settings import Settings

POLICY = load_backup_policy(Settings().backup_policy)
LIMITS = POLICY.warnings
START = datetime(2026, 6, 1, tzinfo=UTC)
NOTE = "患者女，52岁，左乳肿物3月余，超声示左乳外上象限低回声结节，边界不清，BI-RADS 4C类，建议穿刺活检。"


def info(number: int, size: int, parent: str | None = None) -> BackupInfo:
    at = START + timedelta(days=number)
    kind = BackupKind.INCREMENTAL if parent else BackupKind.FULL
    return BackupInfo(f"b{number}", kind, parent, at, at, size, 1, "0/0", "0/0")


def full(sizes: list[int]) -> list[BackupInfo]:
    return [info(number, size) for number, size in enumerate(sizes)]


def chain(sizes: list[int]) -> list[BackupInfo]:
    made = [info(0, 1_000_000)]
    for number, size in enumerate(sizes, 1):
        made.append(info(number, size, made[-1].backup_id))
    return made


@pytest.mark.parametrize("rate", [1.0, 1.01, 1.1, 1.3])
def test_growth_as_usual_is_no_sign(rate: float) -> None:
    draw = random.Random(1)
    sizes = [int(1_000_000 * rate**number * draw.uniform(0.97, 1.03)) for number in range(20)]
    assert size_jump(full(sizes), LIMITS).state is SignState.QUIET


@pytest.mark.parametrize("factor", [3.0, 0.3])
def test_a_full_backup_that_jumps_is_a_sign(factor: float) -> None:
    sizes = [1_000_000 + 10_000 * number for number in range(12)]
    assert size_jump(full([*sizes, int(sizes[-1] * factor)]), LIMITS).state is SignState.WARNING


def test_a_jump_that_is_past_is_no_sign_any_more() -> None:
    sizes = [1_000_000] * 8 + [3_000_000] * 3
    assert size_jump(full(sizes), LIMITS).state is SignState.QUIET


def test_too_few_backups_are_not_judged() -> None:
    assert size_jump([], LIMITS).state is SignState.NOT_APPLICABLE
    assert size_jump(full([1, 1, 1, 1, 1, 100]), LIMITS).state is SignState.NOT_APPLICABLE
    assert change_jump(chain([1, 1, 1, 1, 100]), LIMITS).state is SignState.NOT_APPLICABLE


def test_mass_changes_are_a_sign_and_usual_ones_are_not() -> None:
    draw = random.Random(2)
    usual = [int(20_000 * draw.uniform(0.5, 2)) for _ in range(12)]
    assert change_jump(chain(usual), LIMITS).state is SignState.QUIET
    assert change_jump(chain([*usual, 900_000]), LIMITS).state is SignState.WARNING
    assert change_jump(chain([*usual, 10]), LIMITS).state is SignState.QUIET  # a quiet day is no attack


def test_a_backup_that_is_too_old_or_missing_is_a_sign() -> None:
    made = full([1])
    hours = timedelta(hours=POLICY.newest_backup_hours)
    assert too_old(made, POLICY, START + hours - timedelta(minutes=1)).state is SignState.QUIET
    assert too_old(made, POLICY, START + hours + timedelta(minutes=1)).state is SignState.WARNING
    assert too_old([], POLICY, START).state is SignState.WARNING


def test_an_archive_that_stalls_or_fails_is_a_sign() -> None:
    def said(state: str, age: float, *, runs: bool = True) -> SignState:
        status = Status(state=state, at=START, until=START, fault="no space")
        return stalled(status, POLICY, START + timedelta(seconds=age), runs=runs).state

    assert said("archiving", POLICY.log_archive_seconds - 1) is SignState.QUIET
    assert said("archiving", POLICY.log_archive_seconds + 1) is SignState.WARNING
    assert said("failing", 1) is SignState.WARNING
    assert said("archiving", 1e6, runs=False) is SignState.NOT_APPLICABLE
    assert stalled(None, POLICY, START, runs=True).state is SignState.NOT_APPLICABLE


def test_encrypted_data_does_not_compress_however_it_is_written() -> None:
    secret = random.Random(3).randbytes(20_000)
    notes = [compressed_share((NOTE + str(number)).encode() * 50) for number in range(3)]
    assert max(notes) < 0.2
    assert compressed_share(secret) == 1
    assert compressed_share(base64.b64encode(secret)) > 0.7
    assert compressed_share(secret.hex().encode()) > 0.5
    assert compressed_share(b"") == 0


@pytest.mark.parametrize("write", [bytes, base64.b64encode, lambda data: data.hex().encode()])
def test_a_column_that_becomes_random_is_a_sign(write: object) -> None:
    assert callable(write)
    now = compressed_share(write(random.Random(4).randbytes(20_000)))
    assert judged(now, [0.21, 0.22, 0.2, 0.21, 0.23, 0.22]).state is SignState.WARNING


def test_what_always_looked_random_or_became_plainer_is_no_sign() -> None:
    assert judged(0.99, [0.98, 0.99, 1.0, 0.99, 0.98]).state is SignState.QUIET
    assert judged(0.30, [0.21, 0.22, 0.2, 0.21, 0.23]).state is SignState.QUIET
    assert judged(0.10, [0.7, 0.71, 0.72, 0.7, 0.7]).state is SignState.QUIET
    assert judged(0.99, [0.2, 0.2, 0.2, 0.2]).state is SignState.NOT_APPLICABLE


def judged(value: float, earlier: list[float]) -> Sign:
    return randomness("text", {"landing.x.y": value}, {"landing.x.y": earlier}, LIMITS)


def test_files_that_are_encrypted_in_place_are_seen(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.csv").write_text((NOTE + str(number)) * 100, "utf-8")
    before = folders({"deliveries": tmp_path})["deliveries"]
    for path in tmp_path.iterdir():
        path.write_bytes(random.Random(path.name).randbytes(path.stat().st_size))
    after = folders({"deliveries": tmp_path})["deliveries"]
    assert before < 0.2
    assert after == 1
    assert folders({"none": tmp_path / "none"}) == {}
