"""What the commands of backups share: sizes in words, a line of progress, an error as one line."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

import typer

from governance.errors import GovernanceError


def size(count: int) -> str:
    """Bytes as megabytes (10⁶)."""
    return f"{count / 1_000_000:,.1f} MB"


def progress(words: str, show: Callable[[int], str]) -> Callable[[int, int], None] | None:
    """A line that is written anew with what is done and what there is in all (0: unknown); on a terminal only.

    Args:
        words: what is being done.
        show: a figure in words.
    """
    if not sys.stderr.isatty():
        return None

    def write(done: int, total: int) -> None:
        sys.stderr.write(f"\r{words} {show(done)}{f' / {show(total)}' if total else ''} ")
        sys.stderr.flush()

    return write


@contextlib.contextmanager
def reported() -> Iterator[None]:
    """Turn an error of the product into one line on the standard error and exit status 1."""
    try:
        yield
    except GovernanceError as error:
        typer.echo(f"失败 failed: {error}", err=True)
        raise typer.Exit(1) from error
