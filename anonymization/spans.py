"""Overlaps: many finds of many recognizers become spans that do not overlap and leave nothing found uncovered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final, NamedTuple

from anonymization.entities import RANK, Entity
from anonymization.normalize import NormalizedText

_WIDENED: Final = frozenset({Entity.PERSON, Entity.ADDRESS, Entity.ORGANIZATION})
_RUNS: Final = frozenset({Entity.ADDRESS, Entity.ORGANIZATION})
_KINDS: Final = "路街道巷弄村庄屯寨镇乡县区市省州里坊苑园院校厂店馆堂城桥门塔站湖江河山港湾岛楼座栋幢号组队会社局室"
_NAMED_AFTER: Final = re.compile(rf"(?![在于到因自从向与和等对将已])[\u4e00-\u9fff]{{0,2}}?[{_KINDS}]")
"""What follows a person's name inside of the name of a place or institution: 邵逸夫|医院, 李家|庄."""

_PLACE: Final = re.compile(rf"[0-9{_KINDS}沟坡坪塘旁边近]")
"""What the rest of an address behind a name must hold to be one still; 一家老少三代 behind 武立祥 does not."""
_ROLE: Final = re.compile(
    r"(?:原|前|现任|时任)?(?:副?(?:[省市县区镇乡村州处科局厅所站队校院会]|董事)长|[省市县区镇乡]委(?:副?书记|常委)?|副?书记|副?总?经理|总裁|副?教授"
    r"|副?主任|司令员|政委|记者|农民|村民|居民|女?青年|女?学生|(?:[一二三四五六]年级)学生|(?:下岗)?女工|职工|工人|个体户|企业主)$"
)
"""What somebody is, between an address or institution and the name: 张北县|县长|唐树森."""


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

    Left out is only what somebody is or does (县长, 农民, 驾驶汽车) where an address or institution ran into the name.
    Known identifiers win over found ones, longer over shorter, surer over less sure, more specific kinds over others.
    What sticks out of a span that lost stays covered as a span of its own kind.
    """
    candidates = list(candidates)
    if _is_plain(candidates, text):
        return sorted(candidates, key=lambda c: c.start)
    ordered = sorted(_around_names(_with_wider_finds(candidates), text), key=_precedence)
    chosen: list[Candidate] = []
    known: list[Candidate] = []
    taken = bytearray(max((candidate.end for candidate in ordered), default=0))
    for candidate in ordered:
        for start, end in _free_pieces(candidate, taken):
            piece = text[start:end]
            if end - start < candidate.end - candidate.start and _is_remnant(candidate, piece, known):
                continue
            if not piece.isalnum() and not any(map(str.isalnum, piece)):
                continue
            first = start + len(piece) - len(piece.lstrip())
            last = first + len(piece.strip())
            is_whole = first == candidate.start and last == candidate.end
            chosen.append(candidate if is_whole else candidate._replace(start=first, end=last))
            taken[first:last] = b"\x01" * (last - first)
            if candidate.known:
                known.append(chosen[-1])
    return sorted(chosen, key=lambda c: c.start)


def _precedence(candidate: Candidate) -> tuple[bool, int, float, int, int]:
    entity, start, end, score, _, known = candidate
    return not known, start - end, -score, RANK.get(entity, len(RANK)), start


def _is_plain(candidates: list[Candidate], text: str) -> bool:
    """Tell whether no find touches another, and each starts and ends with a letter or digit."""
    end = 0
    for candidate in sorted(candidates, key=lambda c: c.start):
        if candidate.start < end or candidate.start >= candidate.end:
            return False
        if not (text[candidate.start].isalnum() and text[candidate.end - 1].isalnum()):
            return False
        end = candidate.end
    return True


def to_original(spans: Iterable[Candidate], text: NormalizedText) -> list[Candidate]:
    """Map resolved spans to the original text; spans that share an original character are joined up."""
    mapped: list[Candidate] = []
    for span in spans:
        start, end = text.original_span(span.start, span.end)
        start = max(start, mapped[-1].end) if mapped else start
        if start < end:
            unmoved = start == span.start and end == span.end
            mapped.append(span if unmoved else span._replace(start=start, end=end))
    return mapped


def _around_names(candidates: list[Candidate], text: str) -> Iterator[Candidate]:
    """Yield the finds; an address or institution that ran into somebody's name (…东街村武立祥一家) goes around it."""
    names = [c for c in candidates if c.entity == Entity.PERSON]
    for candidate in candidates:
        start = candidate.start
        if candidate.entity in _RUNS and not candidate.known:
            inside = (n for n in names if start < n.start and n.start + 1 < n.end <= candidate.end)
            for first, same in groupby(sorted(inside, key=lambda n: n.start), key=lambda n: n.start):
                end = max(name.end for name in same)
                if first > start and not _NAMED_AFTER.match(text, end, candidate.end):
                    role = _ROLE.search(text, start, first)
                    yield candidate._replace(start=start, end=role.start() if role else first)
                    start = end
        if start == candidate.start:
            yield candidate
        elif _PLACE.search(text, start, candidate.end):
            yield candidate._replace(start=start)


def _with_wider_finds(candidates: list[Candidate]) -> list[Candidate]:
    """Let a find that holds a known identifier of its kind win over it.

    A name must start where the known one does (王琦 is known, 王琦婵 stands in the text); an address or institution may
    hold the known part anywhere.
    """
    known = [c for c in candidates if c.known and c.entity in _WIDENED]
    if not known:
        return candidates
    return [
        c._replace(known=True) if not c.known and any(_is_wider(c, other) for other in known) else c for c in candidates
    ]


def _is_wider(found: Candidate, known: Candidate) -> bool:
    if found.entity != known.entity or found.end - found.start <= known.end - known.start:
        return False
    if found.entity == Entity.PERSON:
        return found.start == known.start and found.end > known.end
    return found.start <= known.start and known.end <= found.end


def _free_pieces(candidate: Candidate, taken: bytearray) -> list[tuple[int, int]]:
    """Return the parts of a candidate whose characters no chosen span has taken (1)."""
    pieces: list[tuple[int, int]] = []
    start, last = taken.find(0, candidate.start, candidate.end), candidate.end
    while start >= 0:
        end = taken.find(1, start, last)
        if end < 0:
            pieces.append((start, last))
            break
        pieces.append((start, end))
        start = taken.find(0, end, last)
    return pieces


def _is_remnant(candidate: Candidate, piece: str, known: list[Candidate]) -> bool:
    """Tell whether a short rest beside a known identifier of the same kind is only a find that ran too far."""
    if len(piece) >= 4 or any(character.isdigit() for character in piece):
        return False
    return any(
        other.entity == candidate.entity and other.start < candidate.end and candidate.start < other.end
        for other in known
    )
