"""De-identification: speed and cover of the whole policy, beside what a user would take instead, on the same texts.

The texts are the sample hospital's notes cut into pieces of about 108 characters, with their planted identifiers; the
templates are the project's own, so what is covered here says less than ``xinglin deid evaluate`` on a hospital's notes.
"""

from __future__ import annotations

import itertools
import json
import re
import secrets
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from anonymization.errors import PolicyError
from anonymization.evaluation import Evaluation, GoldNote, GoldSpan, evaluate
from anonymization.evaluation.engines import ENGINES, engine, own_engine
from anonymization.known import KnownIdentifiers
from anonymization.policy import load_policy
from anonymization.text import Note, PatientNotes, TextDeidentifier
from governance.settings import Settings
from include.sample_hospital import generate
from tests.bench.measure import Results

_LENGTH = 108
_PATIENTS = 400
_SENTENCE = re.compile(r"[^。；\n]*[。；\n]?")


def measure_deidentification(results: Results, folder: Path) -> None:
    """Characters a second of the policy (new and seen notes), then of its recognition and of other engines."""
    generate(folder / "deliveries", patients=_PATIENTS, daily_deliveries=0, answer_key=folder / "answer_key")
    notes = list(_pieces(folder))
    policy = load_policy(Settings.from_environment().policy)
    characters = sum(len(note.text) for note in notes)
    said = f"{len(notes):,} texts of {characters / len(notes):.0f} characters, one core"

    worker = TextDeidentifier(policy, secrets.token_bytes(32))
    list(worker.deidentify_many(_by_record(notes[:50])))  # load models and lexicons
    for title, aim in (("whole policy, new notes", "250,000"), ("whole policy, notes already seen", "1,000,000")):
        started = time.process_time()
        withheld = sum(outcome.result is None for outcome in worker.deidentify_many(_by_record(notes)))
        rate = characters / (time.process_time() - started)
        results.add("deidentify", title, rate, "characters/s", aim, f"{said}; {withheld} withheld")

    _add(results, "recognition, ours", evaluate(notes, own_engine(policy, policy.language)))
    for peer in ENGINES:
        try:
            detect = engine(peer, policy.language)
        except PolicyError:
            print(f"  deidentify: {peer} is not installed, not compared", flush=True)
            continue
        _add(results, f"instead: {peer}", evaluate(notes[:2_000], detect))


def _add(results: Results, title: str, found: Evaluation) -> None:
    person = found.by_type.get("PERSON")
    covered = f"; names fully covered {person.covered / person.gold:.4f} of {person.gold:,}" if person else ""
    note = f"all kinds covered {found.total.covered / found.total.gold:.4f} of {found.total.gold:,}{covered}"
    results.add("deidentify", title, found.characters_per_second, "characters/s", "", note)


def _by_record(notes: list[GoldNote]) -> Iterator[PatientNotes]:
    """The pieces of each note as the notes of one person of whom nothing is known."""
    for _, pieces in itertools.groupby(notes, key=lambda note: note.note_id.split(":")[0]):
        given = [Note(note.note_id, note.text, date(2026, 6, 1)) for note in pieces]
        yield PatientNotes(given, KnownIdentifiers(), 17)


def _pieces(folder: Path) -> Iterator[GoldNote]:
    """Sentences of the notes, joined until a piece has about 108 characters; an identifier is never cut."""
    lines = (folder / "deliveries" / "emr" / "2026-06-01" / "notes.ndjson").read_bytes().splitlines()
    for entry in map(json.loads, (folder / "answer_key" / "spans.ndjson").read_text("utf-8").splitlines()):
        if entry["table"] != "note":
            continue
        try:
            text = json.loads(lines[entry["line"] - 1])["text"]
        except (ValueError, TypeError, KeyError):  # a line that the sample broke by intention
            continue
        spans = [GoldSpan(s["start"], s["end"], s["type"]) for s in entry["spans"]]
        begin = 0
        for match in _SENTENCE.finditer(text):
            inside = any(s.start < match.end() < s.end for s in spans)
            if (match.end() - begin < _LENGTH and match.end() < len(text)) or inside:
                continue
            here = [s for s in spans if begin <= s.start < match.end()]
            own = tuple(GoldSpan(s.start - begin, s.end - begin, s.entity) for s in here)
            if match.end() > begin:
                yield GoldNote(f"{entry['record_key']}:{begin}", text[begin : match.end()], own)
            begin = match.end()
