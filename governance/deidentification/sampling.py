"""Scrubbed texts for human review: a sample of each run, drawn by the stage, and ``xinglin deid sample``."""

from __future__ import annotations

import os
import re
from typing import Annotated

import typer

from governance.database import Role, connect, connection_string
from governance.deidentification.review import SAMPLE_FILE, ReviewError, draw, read_sample, write_sample
from governance.deidentification.review_page import review_page
from governance.settings import Settings


def sample(
    n: Annotated[int, typer.Option("--n", min=1, max=10_000, help="份数 number of texts")] = 100,
    seed: Annotated[str | None, typer.Option("--seed", help="种子 the same seed draws the same texts")] = None,
) -> None:
    """抽样供人工复核：网页和 CSV 表 · A sample for human review: a page and a CSV form.

    按来源、表、字段分层 · In proportion by source, table and field, one of each at the least.
    """
    settings = Settings.from_environment()
    chosen = seed or os.urandom(4).hex()
    if not re.fullmatch(r"[\w.-]{1,60}", chosen, re.ASCII):
        raise ReviewError("--seed takes letters, digits, dots and dashes only")
    with connect(connection_string(Role.AUDIT, settings.state), application="xinglin deid sample") as connection:
        items = draw(connection, n, chosen)
    if not items:
        raise ReviewError("deid.free_text holds no scrubbed text; run the de-identification stage first")
    folder = settings.state / "review" / chosen
    write_sample(folder, items, chosen, review_page(items, chosen))
    strata = len({item.stratum for item in items})
    typer.echo(f"抽出 drawn: {len(items)} 份 texts, {strata} 层 strata, 种子 seed {chosen}")
    typer.echo(f"网页 page: {folder / 'sample.html'}\n表 form: {folder / 'form.csv'}")
    typer.echo(f"之后 then: xinglin deid review {folder / 'form.csv'}")


def sample_of_run(dsn: str, settings: Settings, run_id: str) -> int:
    """Draw the review sample of a run into a folder named after it; number of texts, 0 when it scrubbed none.

    A sample that is there already, perhaps with a form half filled, stays as it is.

    Args:
        dsn: connection string of the role ``deidentify``.
    """
    name = re.sub(r"[^\w.-]", "_", run_id, flags=re.ASCII)
    folder = settings.state / "review" / name
    if settings.review_texts == 0:
        return 0
    if (folder / SAMPLE_FILE).exists():
        return len(read_sample(folder))
    with connect(dsn, application="xinglin deidentify") as connection:
        items = draw(connection, settings.review_texts, name, run_id)
    if items:
        write_sample(folder, items, name, review_page(items, name))
    return len(items)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sample")(sample)
