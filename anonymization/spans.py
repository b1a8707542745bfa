"""Overlaps: many finds of many recognizers become spans that do not overlap and leave nothing found uncovered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from anonymization.entities import RANK, Entity


class Candidate(NamedTuple):
    """One find before overlaps are resolved: offsets in the normalised text."""

    entity: str
    start: int
    end: int
    score: float
    source: str
    known: bool = False


def resolve(candidates: Iterable[Candidate], text: str) -> list[Candidate]:
    """Return spans in order, without overlap, that cover every character of every candidate that is a letter or digit.

    Known identifiers win over found ones, longer over shorter, surer over less sure, more specific kinds over others.
    What sticks out of a span that lost stays covered as a span of its own kind.
    """
    ordered = sorted(
        _with_longer_names(list(candidates)),
        key=lambda c: (not c.known, c.start - c.end, -c.score, RANK.get(c.entity, len(RANK)), c.start),
    )
    chosen: list[Candidate] = []
    owner: dict[int, int] = {}
    for candidate in ordered:
        for start, end in _free_pieces(candidate, owner):
            piece = text[start:end]
            if end - start < candidate.end - candidate.start and _is_remnant(candidate, piece, chosen):
                continue
            if not any(character.isalnum() for character in piece):
                continue
            start += len(piece) - len(piece.lstrip())
            end -= len(piece) - len(piece.rstrip())
            chosen.append(candidate._replace(start=start, end=end))
            for position in range(start, end):
                owner[position] = len(chosen)
    return sorted(chosen, key=lambda c: c.start)


def _with_longer_names(candidates: list[Candidate]) -> list[Candidate]:
    """Let a found name that goes on where a known name of somebody else ends win over it (王琦 known, 王琦婵 in the text)."""
    starts = {(c.entity, c.start): c.end for c in candidates if c.known and c.entity == Entity.PERSON}
    return [
        c._replace(known=True) if not c.known and (c.entity, c.start) in starts and c.end > starts[c.entity, c.start] else c
        for c in candidates
    ]


def _free_pieces(candidate: Candidate, owner: dict[int, int]) -> list[tuple[int, int]]:
    if candidate.start not in owner and candidate.end - 1 not in owner:
        if not owner or not any(position in owner for position in range(candidate.start, candidate.end)):
            return [(candidate.start, candidate.end)]
    pieces: list[tuple[int, int]] = []
    start: int | None = None
    for position in range(candidate.start, candidate.end):
        if position in owner:
            if start is not None:
                pieces.append((start, position))
                start = None
        elif start is None:
            start = position
    if start is not None:
        pieces.append((start, candidate.end))
    return pieces


def _is_remnant(candidate: Candidate, piece: str, chosen: list[Candidate]) -> bool:
    """Tell whether a short rest beside a known identifier of the same kind is only a find that ran too far."""
    if len(piece) >= 4 or any(character.isdigit() for character in piece):
        return False
    return any(
        other.known and other.entity == candidate.entity and other.start < candidate.end and candidate.start < other.end
        for other in chosen
    )
