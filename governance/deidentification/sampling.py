"""``xinglin deid sample``: draw scrubbed texts for human review."""

from __future__ import annotations

import os
import re
from typing import Annotated

import typer

from governance.database import Role, connect, connection_string
from governance.deidentification.review import ReviewError, draw, write_sample
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
    folder = settings.state / "review" / chosen
    write_sample(folder, items, chosen, review_page(items, chosen))
    strata = len({item.stratum for item in items})
    typer.echo(f"抽出 drawn: {len(items)} 份 texts, {strata} 层 strata, 种子 seed {chosen}")
    typer.echo(f"网页 page: {folder / 'sample.html'}\n表 form: {folder / 'form.csv'}")
    typer.echo(f"之后 then: xinglin deid review {folder / 'form.csv'}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sample")(sample)
