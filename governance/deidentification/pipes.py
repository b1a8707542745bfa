"""``xinglin deid spans`` and ``xinglin deid text``: a stream of JSON lines, in order, in bounded memory.

Neither needs the warehouse; spans need no key. What has arrived is answered together: a program may write a line
and read its answer, and a long file is analysed in batches. With several processes answers come later than that.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from io import RawIOBase
from pathlib import Path
from typing import Annotated, Final

import typer

from anonymization.lines import LONGEST_LINE, LineWorker
from anonymization.policy import load_policy
from governance.deidentification.in_order import JobsOption, in_order, processes_of
from governance.errors import SettingsError
from governance.settings import Settings

_BLOCK: Final = 1 << 17
_LEAST_KEY_BYTES: Final = 16

Portion = list[tuple[int, bytes]]

FileArgument = Annotated[Path | None, typer.Argument(help="JSON 行文件 JSON lines; standard input if none")]
PolicyOption = Annotated[Path | None, typer.Option("--policy", help="策略文件 policy file")]
PurposeOption = Annotated[str | None, typer.Option("--purpose", help="用途 purpose, as named in the policy")]
KeyOption = Annotated[Path | None, typer.Option("--key-file", help="密钥文件 secret key, 16 bytes or more")]


def register(app: typer.Typer) -> None:
    """Add both commands."""
    app.command("spans")(spans)
    app.command("text")(text)


def spans(
    file: FileArgument = None, jobs: JobsOption = "1", policy: PolicyOption = None, purpose: PurposeOption = None
) -> None:
    """标出标识符的位置和类型 · {"id","text","lang"} in, {"id","spans":[{"start","end","type","score"}]} out.

    位置从 0 起，不含末位，按原文字符计 · Offsets are 0-based code points of the text as given, end exclusive.
    坏行输出 {"error"}，结束状态为 1 · A bad line gives {"error"}, and status 1 at the end.
    """
    _run(_worker_of(policy, purpose, None), file, processes_of(jobs))


def text(
    file: FileArgument = None,
    jobs: JobsOption = "1",
    policy: PolicyOption = None,
    purpose: PurposeOption = None,
    key_file: KeyOption = None,
) -> None:
    """输出去标识文本 · {"id","text","lang","person","known","date"} in, {"id","text"} or {"id","withheld"} out.

    同一密钥、同一 person 的替身和日期偏移不变 · With the same key a person keeps surrogates and date shift.
    """
    if key_file is None:
        typer.echo("未给 --key-file，用随机密钥，结果不可重复 · no --key-file: a random key, not repeatable", err=True)
    key = os.urandom(32) if key_file is None else read_key(key_file)
    _run(_worker_of(policy, purpose, key), file, processes_of(jobs))


def read_key(path: Path) -> bytes:
    """Read a secret key from a file, without white space at its ends.

    Raises:
        SettingsError: it cannot be read, or is shorter than 16 bytes.
    """
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"the key file {path} cannot be read ({error.strerror}); check path and rights") from error
    if len(key) < _LEAST_KEY_BYTES:
        raise SettingsError(f"the key in {path} is shorter than 16 bytes; make one with `openssl rand -base64 32`")
    return key


def portions_of(source: RawIOBase, longest: int = LONGEST_LINE) -> Iterator[Portion]:
    """Lines with their numbers from 1, as many at a time as have arrived.

    Of a line longer than `longest` bytes one byte more than that is handed on, so that it is refused; the rest is
    dropped as it comes.
    """
    number, rest = 0, b""
    while block := source.read(_BLOCK):
        *whole, rest = (rest[: longest + 1] + block if len(rest) > longest else rest + block).split(b"\n")
        if whole:
            yield [(number + i, line[: longest + 1]) for i, line in enumerate(whole, start=1)]
            number += len(whole)
    if rest:
        yield [(number + 1, rest[: longest + 1])]


def _run(worker: LineWorker, file: Path | None, processes: int) -> None:
    good = True
    try:
        with file.open("rb", buffering=0) if file else open(0, "rb", buffering=0, closefd=False) as source:
            for portion in in_order(worker.answers, portions_of(source), processes):
                sys.stdout.buffer.write(b"".join(answer.line for answer in portion))
                sys.stdout.buffer.flush()
                good = good and all(answer.is_good for answer in portion)
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    except OSError as error:
        raise SettingsError(f"{file or 'standard input'} cannot be read ({error.strerror})") from error
    if not good:
        raise typer.Exit(1)


def _worker_of(policy: Path | None, purpose: str | None, key: bytes | None) -> LineWorker:
    return LineWorker(load_policy(policy or Settings.from_environment().policy).for_purpose(purpose), key)
