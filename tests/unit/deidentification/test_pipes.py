"""``xinglin deid spans`` and ``text`` as a program in a pipe."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from governance.deidentification.pipes import portions_of

PROGRAM = [sys.executable, "-m", "governance.cli", "deid"]
LINES = "".join(json.dumps({"id": i, "text": f"患者王建国，住院号{10_000_000 + i}。"}) + "\n" for i in range(3000))


def run(*arguments: str, given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *arguments], input=given, capture_output=True, text=True, check=False)


def test_several_processes_answer_like_one_and_in_order(tmp_path: Path) -> None:
    one, two = run("spans", given=LINES), run("spans", "--jobs", "2", given=LINES)
    assert one.returncode == two.returncode == 0
    assert one.stdout == two.stdout
    assert [json.loads(line)["id"] for line in one.stdout.splitlines()] == list(range(3000))


def test_a_bad_line_is_told_and_sets_the_status() -> None:
    done = run("spans", given='{"id": 1, "text": "x"}\nnonsense\n{"id": 2, "text": "y"}')
    assert done.returncode == 1
    assert [sorted(json.loads(line)) for line in done.stdout.splitlines()] == [
        ["id", "spans"], ["error", "line"], ["id", "spans"],
    ]  # fmt: skip
    assert done.stderr == ""


def test_a_random_key_is_announced_and_a_key_file_repeats(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("k" * 40)
    given = '{"id": 1, "text": "患者王建国来诊。", "person": "p"}\n'
    assert "not repeatable" in run("text", given=given).stderr
    first, again = (run("text", "--key-file", str(key), given=given) for _ in range(2))
    assert first.stderr == ""
    assert first.stdout == again.stdout


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("short")
    done = run("text", "--key-file", str(tmp_path / "key"), given="")
    assert done.returncode == 1
    assert "16 bytes" in done.stderr


def test_a_line_is_answered_before_the_next_one_is_written() -> None:
    with subprocess.Popen([*PROGRAM, "spans"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        for number in range(3):
            program.stdin.write(json.dumps({"id": number, "text": "x"}) + "\n")
            program.stdin.flush()
            assert json.loads(program.stdout.readline())["id"] == number
        program.stdin.close()


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    with subprocess.Popen(
        [*PROGRAM, "spans"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.close()
        try:
            program.stdin.write(LINES.encode())
            program.stdin.close()
        except BrokenPipeError:
            pass
        assert program.stderr.read() == b""
        assert program.wait() == 0


@pytest.mark.parametrize("block", [1, 3, 1 << 16])
def test_lines_are_numbered_and_too_long_ones_are_cut(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr("governance.deidentification.pipes._BLOCK", block)
    raw = _Raw(b"ab\n\n" + b"x" * 50 + b"\nend")
    lines = [line for portion in portions_of(raw, longest=10) for line in portion]
    assert lines == [(1, b"ab"), (2, b""), (3, b"x" * 11), (4, b"end")]


class _Raw(io.RawIOBase):
    """Bytes as an unbuffered stream."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        return self._content.readinto(buffer)
