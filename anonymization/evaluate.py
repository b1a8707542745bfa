"""Measures recognition against answer spans, per type: n, precision, recall (exact, any overlap, whole), leaks, speed.

"Fully covered" counts a gold span whose every character lies inside found spans of any type: what it misses would leak.
A false hit is a found span that touches no gold span at all.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from typing import Final

_Z: Final = 1.959964


@dataclass(frozen=True, slots=True)
class GoldSpan:
    """One answer: half-open offsets in code points, and the kind of identifier."""

    start: int
    end: int
    entity: str


@dataclass(frozen=True, slots=True)
class GoldNote:
    """A text with all of its answers. The id is safe to print; the text is not."""

    note_id: str
    text: str = field(repr=False)
    spans: tuple[GoldSpan, ...]


Detect = Callable[[GoldNote], Sequence[tuple[int, int, str]]]
"""Finds (start, end, type) in the text of a note."""


@dataclass(slots=True)
class Score:
    """Counts of one entity type, or of all."""

    gold: int = 0
    found: int = 0
    exact: int = 0
    overlapped: int = 0
    covered: int = 0
    false_hits: int = 0
    leaked_characters: int = 0

    @property
    def precision(self) -> float | None:
        """Share of found spans that touch a gold span; None without finds."""
        return (self.found - self.false_hits) / self.found if self.found else None

    def recall(self, count: int) -> float | None:
        """Share of gold spans; None without gold spans."""
        return count / self.gold if self.gold else None

    def covered_interval(self) -> tuple[float, float] | None:
        """Return the 95 % Wilson interval of the fully covered share; None without gold spans."""
        if not self.gold:
            return None
        share, n = self.covered / self.gold, self.gold
        middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
        return middle - half, middle + half


@dataclass(slots=True)
class Evaluation:
    """Scores by entity type, over how much text, how fast. `missed` lists (note id, type, start, end), never text."""

    by_type: dict[str, Score]
    total: Score
    characters: int
    notes: int
    seconds: float
    missed: list[tuple[str, str, int, int]]
    false_hits: list[tuple[str, str, int, int]]

    @property
    def characters_per_second(self) -> float:
        """Speed of detection on one core, in code points a second."""
        return self.characters / self.seconds if self.seconds else 0.0

    @property
    def false_hits_per_10000(self) -> float:
        """False hits per 10,000 characters."""
        return self.total.false_hits / self.characters * 10_000 if self.characters else 0.0

    def lines(self) -> Iterator[str]:
        """Yield a table for people: one line a type, Chinese and English headings."""
        heading = f"{'类型 type':<26}{'n':>8}{'P':>9}{'R exact':>9}{'R any':>9}{'R full':>9}"
        yield f"{heading}  95% CI of full     leaked  false"
        rows = [*sorted(self.by_type.items()), ("合计 all", self.total)]
        for name, score in rows:
            interval = score.covered_interval()
            bounds = f"[{interval[0]:.4f}, {interval[1]:.4f}]" if interval else "-"
            shares = [
                score.precision,
                score.recall(score.exact),
                score.recall(score.overlapped),
                score.recall(score.covered),
            ]
            cells = "".join(f"{share:>9.4f}" if share is not None else f"{'-':>9}" for share in shares)
            yield f"{name:<26}{score.gold:>8}{cells}  {bounds:<18}{score.leaked_characters:>7}{score.false_hits:>7}"
        yield (
            f"{self.notes} 份 notes, {self.characters:,} 字 characters, "
            f"{self.characters_per_second:,.0f} 字/秒 characters/s, "
            f"误报 false hits {self.false_hits_per_10000:.2f} / 10,000"
        )


def evaluate(notes: Iterable[GoldNote], detect: Detect) -> Evaluation:
    """Run a detector over notes with answers and score it. Its speed is by processor time inside the detector."""
    by_type: dict[str, Score] = defaultdict(Score)
    result = Evaluation(by_type, Score(), 0, 0, 0.0, [], [])
    for note in notes:
        started = time.process_time()
        found = detect(note)
        result.seconds += time.process_time() - started
        result.characters += len(note.text)
        result.notes += 1
        _score_note(note, found, result)
    result.by_type = dict(by_type)
    return result


def _score_note(note: GoldNote, found: Sequence[tuple[int, int, str]], result: Evaluation) -> None:
    found_cover, gold_cover = bytearray(len(note.text)), bytearray(len(note.text))
    exact = {(start, end, entity) for start, end, entity in found}
    for start, end, _ in found:
        found_cover[start:end] = b"\x01" * (end - start)
    for span in note.spans:
        gold_cover[span.start : span.end] = b"\x01" * (span.end - span.start)
        hidden = sum(found_cover[span.start : span.end])
        length = span.end - span.start
        for score in (result.by_type[span.entity], result.total):
            score.gold += 1
            score.exact += (span.start, span.end, span.entity) in exact
            score.overlapped += hidden > 0
            score.covered += hidden == length
            score.leaked_characters += length - hidden
        if hidden < length:
            result.missed.append((note.note_id, span.entity, span.start, span.end))
    for start, end, entity in found:
        false_hit = not any(gold_cover[start:end])
        for score in (result.by_type[entity], result.total):
            score.found += 1
            score.false_hits += false_hit
        if false_hit:
            result.false_hits.append((note.note_id, entity, start, end))


def read_jsonl(path: Path) -> Iterator[GoldNote]:
    """Read {"id", "text", "spans": [{"start", "end", "type"}]} lines; blank lines are skipped."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                record = json.loads(line)
                spans = tuple(GoldSpan(s["start"], s["end"], s["type"]) for s in record["spans"])
                yield GoldNote(str(record["id"]), record["text"], spans)
