"""``xinglin deid table``: a delivered file → a de-identified table, as its contract says; no warehouse, no keyring."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Final

import polars as pl
import typer

from anonymization.encryption import KeyedDigest
from anonymization.entities import Entity
from anonymization.policy import load_policy
from anonymization.table_policy import ColumnPolicy, TablePolicy, Treatment
from anonymization.tables import TableDeidentifier
from anonymization.text import TextDeidentifier
from governance.backup.place import new_file
from governance.collection.formats import READERS
from governance.collection.gate import Gate, hospital_now
from governance.collection.records import DeliveredFile
from governance.collection.uniqueness import SeenKeys
from governance.contracts import Contract, Field, load_catalogue
from governance.contracts.model import Protection
from governance.contracts.rules import GENERALIZERS
from governance.deidentification.pipes import read_key
from governance.errors import ContractError, SettingsError
from governance.settings import Settings

_BIRTH: Final = "person.birth_date"
_CODES: Final = ("diagnosis.code",)
_NAMES: Final = (
    "diagnosis.name", "lab_result.test_name", "clinical_order.name", "medication.drug_name", "procedure.name",
)  # fmt: skip
_TREATMENTS: Final = (
    (Protection.GENERALIZE, Treatment.GENERALIZE),
    (Protection.TOKENIZE, Treatment.PSEUDONYM),
    (Protection.SCRUB, Treatment.SCRUB),
    (Protection.SHIFT_DATE, Treatment.SHIFT_DATE),
    (Protection.KEEP, Treatment.KEEP),
)
_SEEDS: Final = Path("seeds") / "publish"


def table_policy(contract: Contract, settings: Settings, minimum_persons: int = 0) -> TablePolicy:
    """The contract's protections as treatments of a table that leaves the hospital's own systems.

    Tokens become pseudonyms, what is encrypted is left out, free text is scrubbed, dates are moved (of a birth date the
    year stays), and of quasi-identifiers that are kept, values of too few persons are suppressed. Rows of level 5 stay
    behind: diagnosis codes, names of tests, orders, drugs and procedures, and texts that name such a disease, after the
    seeds restricted_*. A file does not say who has the disease, so whatever names it counts, a negative test too.
    """
    held: dict[str, dict[str, re.Pattern[str]]] = {}
    for field in contract.fields:
        if {*_CODES} & {*field.maps_to}:
            held[field.name] = _restricted(settings, "restricted_diagnosis.csv", "code_prefix")
        elif {*_NAMES} & {*field.maps_to} or Protection.SCRUB in field.protection:
            held[field.name] = _restricted(settings, "restricted_term.csv", "pattern")
    columns = {field.name: _column(field, minimum_persons) for field in contract.fields}
    return TablePolicy(columns, contract.patient_key, held)


def table(
    file: Annotated[Path, typer.Argument(help="交付的文件 a delivered file")],
    contract: Annotated[str, typer.Option("--contract", help="数据契约 contract, e.g. his.diagnosis")],
    out: Annotated[Path, typer.Option("--out", help="写到 .csv 或 .parquet where to write")],
    key_file: Annotated[Path | None, typer.Option("--key-file", help="密钥文件 secret key, 16 bytes or more")] = None,
    minimum: Annotated[int, typer.Option("--minimum", min=0, help="少于此人数的取值被隐去 rarer values go")] = 5,
) -> None:
    """结构化数据去标识：按契约处理一个文件 · De-identify a delivered file as its contract says.

    先过门禁，只处理通过的行 · The gate judges it first; only rows that it accepts are treated.

    同一密钥下假名与日期偏移不变 · With the same key pseudonyms and date shifts are the same as in `deid text`.
    """
    settings = Settings.from_environment()
    found = _contract(contract, settings)
    if out.exists():
        raise SettingsError(f"{out} exists, and nothing is overwritten; name another file")
    if out.suffix not in (".csv", ".parquet"):
        raise SettingsError(f"{out.name}: the table is written as .csv or .parquet; name one of them")
    if key_file is None:
        typer.echo("未给 --key-file，用随机密钥，结果不可重复 · no --key-file: a random key, not repeatable", err=True)
    key = os.urandom(32) if key_file is None else read_key(key_file)
    policy = load_policy(settings.policy)
    deidentifier = TableDeidentifier(
        table_policy(found, settings, minimum),
        key,
        texts=TextDeidentifier(policy, key),
        maximum_shift_days=policy.maximum_shift_days,
    )
    frame, refused = _read(file, found, settings)
    done = deidentifier.deidentify(frame)
    made: pl.DataFrame = done.table
    with new_file(out) as whole:  # or absent, when this is ended
        if out.suffix == ".csv":
            made.write_csv(whole)
        else:
            made.write_parquet(whole)
    held = ", ".join(f"{disease} {rows}" for disease, rows in sorted(done.held_back.items())) or "0"
    typer.echo(f"通过门禁 accepted: {done.rows_in:,} 行 rows; 写出 written: {made.height:,} × {made.width} → {out}")
    rules = ", ".join(f"{rule} {rows:,}" for rule, rows in refused.most_common()) or "0"
    typer.echo(f"门禁拒收 refused by the gate: {rules}")
    typer.echo(f"五级数据留下 level 5 held back: {held}")
    for words, counts in (("稀有取值隐去 rare values", done.rare), ("不可处理而隐去 withheld", done.withheld)):
        listed = ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
        typer.echo(f"{words}: {listed or '0'}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("table")(table)


def _column(field: Field, minimum_persons: int) -> ColumnPolicy:
    """The treatment of the protection that counts most, in the order of the table below."""
    treatment = next((made for protection, made in _TREATMENTS if protection in field.protection), Treatment.DROP)
    if treatment is Treatment.SHIFT_DATE and _BIRTH in field.maps_to:
        treatment = Treatment.BIRTH_YEAR
    tells = treatment in (Treatment.GENERALIZE, Treatment.BIRTH_YEAR)
    tells |= treatment is Treatment.KEEP and field.identifier == "quasi"
    return ColumnPolicy(
        treatment,
        domain=field.token_domain or "",
        generalize=GENERALIZERS[field.generalize_to or ""] if treatment is Treatment.GENERALIZE else None,
        date_format=field.format or "",
        minimum_persons=minimum_persons if tells else 0,
        entity=Entity(field.entity) if field.entity else None,
    )


def _restricted(settings: Settings, seed: str, column: str) -> dict[str, re.Pattern[str]]:
    """Disease → pattern, from a seed of dbt; its patterns mean the same to PostgreSQL and to Python."""
    path = settings.dbt_project / _SEEDS / seed
    parts: dict[str, list[str]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            pattern = re.escape(row[column]) if column == "code_prefix" else row[column]
            parts.setdefault(row["disease"], []).append(f"^{pattern}" if column == "code_prefix" else pattern)
    return {disease: re.compile("|".join(patterns), re.IGNORECASE) for disease, patterns in parts.items()}


def _contract(name: str, settings: Settings) -> Contract:
    catalogue = load_catalogue(settings.contracts)
    source = name.partition(".")[0]
    if source in catalogue.failures:
        raise ContractError(f"the contracts of '{source}' are faulty: {' | '.join(catalogue.failures[source])}")
    of_source = catalogue.of_source(source) if source in catalogue.sources else []
    found = next((contract for contract in of_source if contract.id == name), None)
    if found is None:
        names = [c.id for each in catalogue.sources for c in catalogue.of_source(each)]
        raise SettingsError(f"there is no contract '{name}'; there are {', '.join(names)}")
    return found


def _read(file: Path, contract: Contract, settings: Settings) -> tuple[pl.DataFrame, Counter[str]]:
    """Rows that the gate accepts, by logical names as text, and the broken rules of those that it refuses.

    Rules that need the warehouse (foreign keys) are not judged.

    Raises:
        CollectionError: the file as a whole cannot be read under the contract.
    """
    digest = KeyedDigest(bytes(32), "unused")  # batches are not remembered here
    reader = READERS[contract.delivery.format](
        DeliveredFile(contract, file, file.name, ""), settings.batch_rows, digest
    )
    gate, seen = Gate(contract, settings.reference, hospital_now), SeenKeys()
    accepted, refused = [pl.DataFrame(schema={field.name: pl.String for field in contract.fields})], Counter[str]()
    for batch in reader.batches():
        judged = gate.judge(batch, seen)
        accepted.append(batch.frame.filter(pl.Series(~judged.failed)))
        refused.update(rule for rules in judged.reasons.values() for rule in rules)
        refused.update(row.rule for row in batch.refused)
    return pl.concat(accepted), refused
