"""``xinglin deid dicom``: a folder of DICOM files in, a folder of de-identified ones out."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from anonymization.dicom import DicomDeidentifier, DicomWithheldError, Option
from anonymization.errors import AnonymizationError
from anonymization.known import KnownIdentifiers, KnownPerson
from anonymization.policy import load_policy
from anonymization.text import TextDeidentifier
from governance.deidentification.in_order import JobsOption, in_order, processes_of
from governance.deidentification.pipes import KeyOption, read_key
from governance.errors import SettingsError
from governance.settings import Settings

_SAID: Final = 500
_WRITTEN: Final = "输出 written"
_REFUSED: Final = "拒绝 refused"
_OPTIONS: Final = {
    "dates": Option.MODIFIED_DATES, "descriptors": Option.CLEAN_DESCRIPTORS, "device": Option.DEVICE_IDENTITY,
    "patient": Option.PATIENT_CHARACTERISTICS, "private": Option.SAFE_PRIVATE,
}  # fmt: skip


def dicom(
    source: Annotated[Path, typer.Argument(help="输入文件夹 folder of DICOM files")],
    target: Annotated[Path, typer.Argument(help="输出文件夹 folder to write to")],
    key_file: KeyOption = None,
    options: Annotated[
        str, typer.Option("--options", help=f"PS3.15 选项 options of the profile, with commas: {', '.join(_OPTIONS)}")
    ] = "dates",
    persons: Annotated[
        Path | None, typer.Option("--persons", help="CSV patient_id,person: 与表中同一偏移 the tables' shift")
    ] = None,
    trusted: Annotated[
        str, typer.Option("--unsafe-trust-pixels-of", help="院方保证无烧录文字的设备类型 modalities, with commas")
    ] = "",
    listing: Annotated[
        Path | None, typer.Option("--list", help="写明未输出文件及原因（含原文件名，须保密）list what was not written")
    ] = None,
    jobs: JobsOption = "1",
) -> None:
    """DICOM 头去标识（PS3.15 附录 E 基本方案）· Headers after the basic profile of PS3.15 Annex E.

    像素可能带姓名的一律不输出，并写明原因 · What may have a name burnt in is withheld, with the reason.
    有文件被拒绝时状态为 1 · Exit status 1 when a file was refused; withheld ones are no error.
    输出文件名只用假名 · Output names are pseudonyms and new UIDs only.
    """
    if not source.is_dir():
        raise SettingsError("the folder of DICOM files is not there; check the path")
    if target.resolve().is_relative_to(source.resolve()):
        raise SettingsError("the output folder lies inside the input folder; choose another")
    if key_file is None:
        typer.echo("未给 --key-file，用随机密钥，结果不可重复 · no --key-file: a random key, not repeatable", err=True)
    key = os.urandom(32) if key_file is None else read_key(key_file)
    chosen = _chosen(options)
    worker = DicomDeidentifier(
        key,
        chosen,
        clean=_Cleaner(key) if Option.CLEAN_DESCRIPTORS in chosen else None,
        person_of=(_persons(persons) if persons else {}).get,
        trusted_modalities=frozenset(filter(None, trusted.upper().split(","))),
        maximum_shift_days=load_policy(Settings.from_environment().policy).maximum_shift_days,
    )
    counts, left_out = _convert(worker, source, target, processes_of(jobs))
    if listing:
        _write_private(listing, left_out)
    for outcome, count in sorted(counts.items()):
        typer.echo(f"{outcome}: {count}")
    if any(outcome.startswith(_REFUSED) for outcome in counts) or not counts[_WRITTEN]:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("dicom")(dicom)


def _convert(
    worker: DicomDeidentifier, source: Path, target: Path, processes: int
) -> tuple[Counter[str], list[tuple[str, str]]]:
    """Convert all files; returns counts by outcome, and path and outcome of what was not written."""
    counts: Counter[str] = Counter({_WRITTEN: 0})
    left_out: list[tuple[str, str]] = []
    convert = partial(_convert_one, worker, target)
    for number, (file, outcome) in enumerate(in_order(convert, _files(source), processes), start=1):
        counts[outcome] += 1
        if outcome != _WRITTEN:
            left_out.append((str(file.relative_to(source)), outcome))
        if number % _SAID == 0:
            typer.echo(f"… {number} 个文件 files, {counts[_WRITTEN]} 输出 written", err=True)
    return counts, left_out


def _convert_one(worker: DicomDeidentifier, target: Path, file: Path) -> tuple[Path, str]:
    """Convert one file; nothing is written unless all of it may be."""
    try:
        name, content = worker.deidentify(file.read_bytes())
        _write(target / name, content)
    except DicomWithheldError as error:
        return file, f"保留 withheld: {error}"
    except AnonymizationError as error:
        return file, f"{_REFUSED}: {error}"
    except OSError as error:
        return file, f"{_REFUSED}: the file cannot be read or written ({error.strerror})"
    return file, _WRITTEN


def _files(source: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(source):
        folders.sort()
        yield from (Path(folder, name) for name in sorted(names))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.part")
    temporary.write_bytes(content)
    temporary.replace(path)


def _chosen(options: str) -> frozenset[Option]:
    names = [name.strip() for name in options.split(",") if name.strip() and name.strip() != "none"]
    if unknown := sorted(set(names) - set(_OPTIONS)):
        raise SettingsError(f"--options knows no {', '.join(unknown)}; it knows {', '.join(_OPTIONS)} and none")
    return frozenset(_OPTIONS[name] for name in names)


def _persons(path: Path) -> dict[str, str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return {row["patient_id"].strip(): row["person"].strip() for row in csv.DictReader(lines)}
    except (OSError, UnicodeDecodeError, KeyError, AttributeError, csv.Error) as error:
        raise SettingsError(f"{path} is not a CSV file with the columns patient_id,person") from error


class _Cleaner:
    """Scrubs descriptions under the shipped policy; the engine is built on the first one."""

    def __init__(self, key: bytes) -> None:
        self._deidentifier = TextDeidentifier(load_policy(Settings.from_environment().policy), key)

    def __call__(self, text: str, names: list[str], shift_days: int) -> str:
        known = KnownIdentifiers(persons=tuple(KnownPerson(name=name) for name in names))
        return self._deidentifier.deidentify(text, known, shift_days).text


def _write_private(path: Path, rows: list[tuple[str, str]]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="", errors="surrogateescape") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "reason"))
        writer.writerows(rows)
