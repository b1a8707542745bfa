"""``xinglin deid evaluate``: measure recognition on an annotated corpus, of one's own or of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonymization.evaluation import Evaluation, GoldNote, evaluate, read_corpus
from anonymization.evaluation.engines import ENGINES, engine, own_engine
from anonymization.evaluation.labels import LabelMap
from anonymization.evaluation.patterns import error_patterns
from anonymization.evaluation.reading import FORMATS
from anonymization.evaluation.report import html_report
from anonymization.lines import LANGUAGES
from anonymization.policy import load_policy
from governance.errors import SettingsError
from governance.settings import Settings

_SHOWN = 10


def evaluate_command(
    corpus: Annotated[Path, typer.Argument(help="标注语料 annotated corpus")],
    form: Annotated[str | None, typer.Option("--format", help=f"格式 {', '.join(FORMATS)}; seen from the file")] = None,
    mapping: Annotated[list[str] | None, typer.Option("--map", help="标签对照 FROM=TO; FROM= leaves it out")] = None,
    lang: Annotated[str, typer.Option("--lang", help="语言 zh, en")] = "zh",
    policy: Annotated[Path | None, typer.Option("--policy", help="策略文件 policy file")] = None,
    types: Annotated[
        str | None, typer.Option("--types", help="评判的类型 types to judge, with commas; those annotated if not given")
    ] = None,
    compare: Annotated[
        list[str] | None, typer.Option("--compare", help=f"并列比较 another policy file, or {', '.join(ENGINES)}")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="网页报告 write a report")] = None,
    show_text: Annotated[bool, typer.Option("--show-text", help="报告含原文 the report shows plain text")] = False,
) -> None:
    """在标注语料上测评 · Precision, recall, leaks, false hits and speed by type, with 95 % intervals.

    支持 BIO/BMES/BIOES 列文件、JSONL 片段、presidio-research JSON · Column files, JSON lines of spans,
    presidio-research JSON. 不输出原文 · No text is printed.
    """
    _check(form, lang)
    labels = LabelMap(_changes(mapping or []))
    notes = read_corpus(corpus, labels, form)
    judged = set(types.split(",")) if types else {span.entity for note in notes for span in note.spans}
    kept = [GoldNote(n.note_id, n.text, tuple(s for s in n.spans if s.entity in judged)) for n in _unique(notes)]
    own = own_engine(load_policy(policy or Settings.from_environment().policy), lang)
    engines = {"xinglin": own} | {name: engine(name, lang) for name in compare or []}
    results: dict[str, Evaluation] = {}
    for name, detect in engines.items():
        detect(GoldNote("warm-up", "患者", ()))
        results[name] = evaluate(kept, detect, judged)
        _show(name, results[name], {note.note_id: note for note in kept})
    if labels.left_out:
        left = ", ".join(f"{label} {count}" for label, count in sorted(labels.left_out.items()))
        typer.echo(f"\n未计的标签 labels left out (--map FROM=TO takes them in): {left}")
    if html:
        _write(html, html_report(corpus.name, results, kept, show_text=show_text))
        typer.echo(f"报告 report: {html}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate_command)


def _show(name: str, result: Evaluation, notes: dict[str, GoldNote]) -> None:
    typer.echo(f"\n== {name}")
    for line in result.lines():
        typer.echo(line)
    for title, errors in (("漏检 missed", result.missed), ("误报 false hits", result.false_hits)):
        for pattern in error_patterns(errors, notes, _SHOWN):
            shapes = f"{pattern.before} [{pattern.shape}] {pattern.after}"
            typer.echo(f"  {title} {pattern.count:>5} {pattern.entity:<18} {shapes}")


def _unique(notes: list[GoldNote]) -> list[GoldNote]:
    """Notes whose ids tell them apart: ids that come again get their place in the corpus."""
    seen: set[str] = set()
    unique = []
    for place, note in enumerate(notes, start=1):
        name = note.note_id if note.note_id not in seen else f"{note.note_id}#{place}"
        seen.add(name)
        unique.append(GoldNote(name, note.text, note.spans))
    return unique


def _changes(mapping: list[str]) -> dict[str, str]:
    changes = {}
    for given in mapping:
        label, separator, entity = given.partition("=")
        if not separator or not label:
            raise SettingsError("--map is FROM=TO, such as --map PATIENT=PERSON")
        changes[label] = entity
    return changes


def _check(form: str | None, lang: str) -> None:
    if form is not None and form not in FORMATS:
        raise SettingsError(f"--format is one of {', '.join(FORMATS)}")
    if lang not in LANGUAGES:
        raise SettingsError(f"--lang is one of {', '.join(LANGUAGES)}")


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise SettingsError(f"the report {path} cannot be written ({error.strerror}); check the folder") from error
