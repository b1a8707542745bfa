"""Scores finds against answers, per type: n, precision, recall (exact, any overlap, whole), leaks, false hits, speed.

"Fully covered" counts an answer whose every character lies inside found spans of any type: what it misses would leak.
A false hit is a found span that touches no answer at all. A find of a type that the corpus does not annotate covers,
but is no false hit: nobody has said whether it is right; such finds are counted apart.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from anonymization.evaluation.intervals import wilson


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


Found = Sequence[tuple[int, int, str]]
Detect = Callable[[GoldNote], Found]
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
    characters: int = 0
    leaked_characters: int = 0

    @property
    def precision(self) -> float | None:
        """Share of found spans that touch an answer; None without finds."""
        return (self.found - self.false_hits) / self.found if self.found else None

    @property
    def character_recall(self) -> float | None:
        """Share of the answers' characters that are covered; None without answers."""
        return 1 - self.leaked_characters / self.characters if self.characters else None

    def recall(self, count: int) -> float | None:
        """Share of answers; None without answers."""
        return count / self.gold if self.gold else None

    def covered_interval(self) -> tuple[float, float] | None:
        """Return the 95 % Wilson interval of the fully covered share; None without answers."""
        return wilson(self.covered, self.gold)

    def precision_interval(self) -> tuple[float, float] | None:
        """Return the 95 % Wilson interval of the precision; None without finds."""
        return wilson(self.found - self.false_hits, self.found)


@dataclass(slots=True)
class Evaluation:
    """Scores by entity type, over how much text, how fast. `missed` and `false_hits` list (note id, type, start, end)
    and never hold text."""

    by_type: dict[str, Score]
    total: Score
    characters: int
    notes: int
    seconds: float
    missed: list[tuple[str, str, int, int]]
    false_hits: list[tuple[str, str, int, int]]
    not_judged: Counter[str] = field(default_factory=Counter)
    """Finds of types that the corpus does not annotate."""

    @property
    def characters_per_second(self) -> float:
        """Speed of detection on one core, in code points a second."""
        return self.characters / self.seconds if self.seconds else 0.0

    @property
    def false_hits_per_10000(self) -> float:
        """False hits per 10,000 characters."""
        return self.per_10000(self.total)

    def per_10000(self, score: Score) -> float:
        """Return the false hits of one score per 10,000 characters."""
        return score.false_hits / self.characters * 10_000 if self.characters else 0.0

    def rows(self) -> list[tuple[str, Score]]:
        """Return types in order, then all."""
        return [*sorted(self.by_type.items()), ("合计 all", self.total)]

    def lines(self) -> Iterator[str]:
        """Yield a table for people: one line a type, Chinese and English headings."""
        yield (
            f"{'类型 type':<22}{'n':>7}{'P':>8} {'95% CI':<18}{'R exact':>8}{'R any':>8}{'R full':>8} {'95% CI':<18}"
            f"{'leaked':>8}{'false':>7}{'/10,000':>9}"
        )
        for name, score in self.rows():
            shares = [score.recall(score.exact), score.recall(score.overlapped), score.recall(score.covered)]
            recalls = "".join(f"{_share(share):>8}" for share in shares)
            yield (
                f"{name:<22}{score.gold:>7}{_share(score.precision):>8} {_bounds(score.precision_interval()):<18}"
                f"{recalls} {_bounds(score.covered_interval()):<18}"
                f"{score.leaked_characters:>8}{score.false_hits:>7}{self.per_10000(score):>9.2f}"
            )
        yield (
            f"{self.notes} 份 notes, {self.characters:,} 字 characters, "
            f"{self.characters_per_second:,.0f} 字/秒 characters/s, "
            f"误报 false hits {self.false_hits_per_10000:.2f} / 10,000"
        )
        if self.not_judged:
            kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.not_judged.items()))
            yield f"语料未标注、不计误报 found but not annotated in this corpus: {kinds}"


def evaluate(notes: Iterable[GoldNote], detect: Detect, judged: Collection[str] | None = None) -> Evaluation:
    """Run a detector over notes with answers and score it; its speed is by processor time inside the detector.

    `judged` are the types that the corpus annotates; None judges finds of every type.
    """
    by_type: dict[str, Score] = defaultdict(Score)
    result = Evaluation(by_type, Score(), 0, 0, 0.0, [], [])
    for note in notes:
        started = time.process_time()
        found = detect(note)
        result.seconds += time.process_time() - started
        result.characters += len(note.text)
        result.notes += 1
        _score_answers(note, found, result)
        _score_finds(note, found, result, judged)
    result.by_type = dict(by_type)
    return result


def _score_answers(note: GoldNote, found: Found, result: Evaluation) -> None:
    cover = bytearray(len(note.text))
    exact = {(start, end, entity) for start, end, entity in found}
    for start, end, _ in found:
        cover[start:end] = b"\x01" * (end - start)
    for span in note.spans:
        hidden, length = sum(cover[span.start : span.end]), span.end - span.start
        for score in (result.by_type[span.entity], result.total):
            score.gold += 1
            score.exact += (span.start, span.end, span.entity) in exact
            score.overlapped += hidden > 0
            score.covered += hidden == length
            score.characters += length
            score.leaked_characters += length - hidden
        if hidden < length:
            result.missed.append((note.note_id, span.entity, span.start, span.end))


def _score_finds(note: GoldNote, found: Found, result: Evaluation, judged: Collection[str] | None) -> None:
    gold = bytearray(len(note.text))
    for span in note.spans:
        gold[span.start : span.end] = b"\x01" * (span.end - span.start)
    for start, end, entity in found:
        touches = any(gold[start:end])
        if judged is not None and entity not in judged:
            result.not_judged[entity] += not touches
            continue
        for score in (result.by_type[entity], result.total):
            score.found += 1
            score.false_hits += not touches
        if not touches:
            result.false_hits.append((note.note_id, entity, start, end))


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _bounds(interval: tuple[float, float] | None) -> str:
    return f"[{interval[0]:.4f}, {interval[1]:.4f}]" if interval else "-"
