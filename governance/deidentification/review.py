"""The human check of scrubbed texts: a sample that can be drawn again, and what reviewers found in it.

A sample lives in a folder of its own under the state folder (mode 0700): it holds scrubbed texts, in which something
may have been missed. Everything that leaves it is a count.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Final

import psycopg

from anonymization.encryption import KeyedDigest
from anonymization.entities import Entity
from anonymization.evaluation.intervals import clopper_pearson
from governance.errors import GovernanceError

SAMPLE_FILE: Final = "sample.json"
FORM: Final = ("item", "reviewed", "residual", "type", "note")
_ENCODINGS: Final = ("utf-8-sig", "gb18030")
_YES: Final = frozenset({"1", "y", "yes", "是", "x", "√", "true"})

_DRAW = """
with ranked as (
    select row_id, field, source, source_table, text, spans, policy_version,
        row_number() over (partition by source, source_table, field order by md5(%(seed)s || row_id || field)) as place,
        count(*) over (partition by source, source_table, field) as size, count(*) over () as total
    from deid.free_text
    where text is not null and text <> '' and (%(run)s::text is null or run_id = %(run)s)
)
select row_id, field, source || '.' || source_table || '.' || field, text, spans, policy_version, size
from ranked
where place <= greatest(1, round(%(n)s::numeric * size / total))
order by md5(%(seed)s || row_id || field) limit %(n)s
"""


class ReviewError(GovernanceError):
    """A sample cannot be drawn or a reviewers' form cannot be read; the message names line and item."""


@dataclass(frozen=True)
class Item:
    """One scrubbed text of a sample; ``spans`` are [start, end, type, …] of what was replaced in it."""

    number: int
    row_id: int
    field: str
    stratum: str
    policy_version: str
    text: str = dataclasses.field(repr=False)
    spans: tuple[tuple[int, int, str], ...] = ()


@dataclass(frozen=True)
class Find:
    """What a reviewer found left in an item."""

    item: Item
    residual: str = dataclasses.field(repr=False)
    kind: str = Entity.PERSON


@dataclass(frozen=True)
class Tally:
    """What a review says: reviewed texts and characters, texts with a residue, finds by type."""

    texts: int
    characters: int
    texts_with_residue: int
    finds: Counter[str]

    def lines(self) -> Iterator[str]:
        """Yield the report."""
        found = self.finds.total()
        yield f"已复核 reviewed: {self.texts} 份 texts, {self.characters:,} 字 characters"
        yield f"残留 residual identifiers: {found} " + ", ".join(f"{k} {n}" for k, n in sorted(self.finds.items()))
        for words, count, n, factor in (
            ("每份文本 share of texts with a residue", self.texts_with_residue, self.texts, 1),
            ("每万字 per 10,000 characters", found, self.characters, 10_000),
        ):
            bounds = clopper_pearson(count, n)
            if bounds:
                low, high = (bound * factor for bound in bounds)
                yield f"{words}: {count / n * factor:.4f} (95% Clopper-Pearson [{low:.4f}, {high:.4f}])"


def draw(connection: psycopg.Connection, n: int, seed: str, run_id: str | None = None) -> list[Item]:
    """Draw about n texts from ``deid.free_text``, by source, table and field in proportion, one of each at the least.

    The same seed draws the same texts as long as the table is the same. With a run, only from what it scrubbed.
    """
    rows = connection.execute(_DRAW, {"n": n, "seed": seed, "run": run_id}).fetchall()
    return [
        Item(i, row_id, name, stratum, version, text, tuple((s[0], s[1], s[2]) for s in spans))
        for i, (row_id, name, stratum, text, spans, version, _) in enumerate(rows, start=1)
    ]


def write_sample(folder: Path, items: Sequence[Item], seed: str, page: str) -> None:
    """Write sample, form and page into a private folder."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    form = StringIO()
    writer = csv.writer(form, lineterminator="\r\n")
    writer.writerow(FORM)
    writer.writerows([(item.number, "", "", "", "") for item in items])
    document = {"seed": seed, "items": [asdict(item) for item in items]}
    write_private(folder / SAMPLE_FILE, json.dumps(document, ensure_ascii=False))
    write_private(folder / "form.csv", "\ufeff" + form.getvalue())
    write_private(folder / "sample.html", page)


def read_sample(folder: Path) -> dict[int, Item]:
    """Read a sample back, by item number.

    Raises:
        ReviewError: the folder holds no sample.
    """
    try:
        items = json.loads((folder / SAMPLE_FILE).read_text("utf-8"))["items"]
        return {i["number"]: Item(**{**i, "spans": tuple((s[0], s[1], s[2]) for s in i["spans"])}) for i in items}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReviewError(f"{folder} holds no sample; draw one (xinglin deid sample) or name its folder") from error


def read_form(path: Path, sample: Mapping[int, Item]) -> tuple[list[Item], list[Find]]:
    """Read a reviewers' form: the items that were reviewed, and the finds. An item may have several rows.

    Raises:
        ReviewError: a line names no item of the sample, an unknown type, or a text that does not stand in the item.
    """
    reviewed: dict[int, Item] = {}
    finds: list[Find] = []
    for line, row in enumerate(_rows(path), start=2):
        number = (row.get("item") or "").strip()
        if not number.isdecimal() or int(number) not in sample:
            raise ReviewError(f"{path.name}, line {line}: no such item in the sample")
        item, residual = sample[int(number)], (row.get("residual") or "").strip()
        if residual or (row.get("reviewed") or "").strip().lower() in _YES:
            reviewed[item.number] = item
        if residual:
            finds.append(Find(item, residual, _kind(row, residual, item, f"{path.name}, line {line}")))
    return list(reviewed.values()), finds


def tally(reviewed: Sequence[Item], finds: Sequence[Find]) -> Tally:
    """Count what was reviewed and found."""
    with_residue = {find.item.number for find in finds}
    counts = Counter(find.kind for find in finds)
    return Tally(len(reviewed), sum(len(item.text) for item in reviewed), len(with_residue), counts)


def write_cases(folder: Path, finds: Sequence[Find], digest: KeyedDigest) -> int:
    """Add the texts with finds to the private test cases (a corpus for ``deid evaluate``); returns how many are new.

    Answers are the finds and the surrogates that the text already has. A case's id is a keyed digest of row and field.
    """
    path = folder / "cases.jsonl"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    cases = {json.loads(line)["id"]: line for line in lines}
    before = len(cases)
    for item in {find.item.number: find.item for find in finds}.values():
        case = digest.one(f"{item.row_id}\0{item.field}".encode())
        spans = [_span(start, end, kind) for start, end, kind in item.spans if item.text[start : start + 1] != "【"]
        for find in finds:
            if find.item.number == item.number:
                spans += [_span(at, at + len(find.residual), find.kind) for at in _places(item.text, find.residual)]
        spans.sort(key=lambda span: (span["start"], span["end"]))
        cases[case] = json.dumps({"id": case, "text": item.text, "spans": spans}, ensure_ascii=False)
    write_private(path, "".join(line + "\n" for line in cases.values()))
    return len(cases) - before


def write_private(path: Path, content: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    temporary = path.with_name(path.name + ".part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        file.write(content)
    temporary.replace(path)


def _rows(path: Path) -> list[dict[str, str]]:
    for encoding in _ENCODINGS:  # a spreadsheet program may save the form in the Windows code page
        try:
            with path.open(encoding=encoding, newline="") as lines:
                rows = list(csv.DictReader(lines))
        except UnicodeDecodeError:
            continue
        except (OSError, csv.Error) as error:
            raise ReviewError(f"{path} cannot be read as a reviewers' form; check the path") from error
        if not rows or not {"item", "reviewed", "residual"} <= set(rows[0]):
            raise ReviewError(f"{path.name}: the columns {', '.join(FORM)} are expected")
        return rows
    raise ReviewError(f"{path.name} is neither UTF-8 nor GB18030; save it as CSV UTF-8")


def _kind(row: dict[str, str], residual: str, item: Item, where: str) -> str:
    kind = (row.get("type") or "").strip().upper() or Entity.PERSON.value
    if kind not in {entity.value for entity in Entity}:
        raise ReviewError(f"{where}: unknown type; the types are {', '.join(entity.value for entity in Entity)}")
    if residual not in item.text:
        raise ReviewError(f"{where}: what is written as residual does not stand in item {item.number}; copy it exactly")
    return kind


def _span(start: int, end: int, kind: str) -> dict[str, Any]:
    return {"start": start, "end": end, "type": kind}


def _places(text: str, residual: str) -> Iterator[int]:
    place = text.find(residual)
    while place >= 0:
        yield place
        place = text.find(residual, place + len(residual))
