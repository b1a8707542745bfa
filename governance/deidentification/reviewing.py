"""``xinglin deid review``: read reviewers' finds back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from governance.deidentification.review import ReviewError, read_form, read_sample, tally, write_cases
from governance.keys import open_keyring
from governance.settings import Settings


def review(
    form: Annotated[Path, typer.Argument(help="复核结果 CSV the filled form")],
    folder: Annotated[Path | None, typer.Option("--sample", help="样本文件夹 the sample's folder")] = None,
) -> None:
    """复核结果：残留率及 95% 置信区间，并存为测试用例 · Residual rate with its interval; finds become test cases.

    用例只存于状态目录 · The cases stay in the state folder, for `xinglin deid evaluate`.
    """
    settings = Settings.from_environment()
    reviewed, finds = read_form(form, read_sample(folder or form.parent))
    if not reviewed:
        raise ReviewError(f"{form.name}: no item is marked as reviewed; write 1 in the column reviewed")
    for line in tally(reviewed, finds).lines():
        typer.echo(line)
    if finds:
        cases = settings.state / "review" / "cases"
        new = write_cases(cases, finds, open_keyring(settings.keyring).digest("row_hash", "review_case"))
        typer.echo(f"测试用例 test cases: {new} 条新增 new, {cases / 'cases.jsonl'}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("review")(review)
