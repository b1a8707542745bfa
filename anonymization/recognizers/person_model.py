"""Names that nothing announces: the name gate finds candidates, the shipped taggers confirm or add.

In clinical prose a candidate needs the gate's certainty or a tagger's agreement, and medical words never pass. In other
text (news, chat, résumés) every sentence that could hold a name goes to the taggers, and their finds count as they are.
What the name screen sees no name in, beyond those that are known, the taggers are not asked about.
It adds to what the rules of `PersonRecognizer` find.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonymization.batches import parts
from anonymization.entities import Entity
from anonymization.lexicon import any_of, words
from anonymization.lexicon.clinical_prose import clinical_shares
from anonymization.lexicon.given_names import OFFICES
from anonymization.lexicon.medical_terms import has_eponym, is_medical
from anonymization.lexicon.name_context import RELATIVES, TRANSLITERATION
from anonymization.lexicon.surnames import COMMON, COMPOUND, is_surname, surname_length
from anonymization.model.name_gate import Scored, name_gate
from anonymization.model.name_screen import name_screen
from anonymization.model.tagger import Tagged, Tagger, tagger
from anonymization.recognizers.address import addresses
from anonymization.recognizers.base import HAN, Finding
from anonymization.recognizers.han_names import EPONYM_END

SURE: Final = 0.95
"""From this probability on, the gate's word is enough in clinical prose."""
POSSIBLE: Final = 0.25
"""From this probability on, the taggers are asked in clinical prose."""
LIKELY: Final = 0.45
"""From this probability on, one tagger's agreement is enough; below, both must agree. The quicker goes first."""
_FAINT: Final = -4.0
"""From these log odds of the screen on, the taggers read. They find more than 99 % of what they found without it."""
_WITHIN_ADDRESS: Final = 6.0
"""So much lower are the odds within an address: villages and estates are named like people."""
_HINT: Final = 0.002
_FAINT_SHARE: Final = 0.04
_WORD_PAIR: Final = 2
_SURE_COMPOUND: Final = 0.7
_CLINICAL_SHARE: Final = 0.04
_SURE_SHARE: Final = 0.12
_WINDOW: Final = 14
_WHOLE: Final = 3
_ANY_SURNAME: Final = "王"
_CUE: Final = re.compile(
    any_of(words("患者 病人 患儿 入院 出院 查体 术后 术前 医嘱 诊断 现病史 既往史 随访 门诊 切口 双肺"))
)
_SENTENCE: Final = re.compile(r"[^。!?;\n]*[。!?;\n]?")
_FOREIGN: Final = re.compile(f"[{''.join(sorted(TRANSLITERATION))}·•]{{3,}}")
_WHOSE: Final = "(?:我|你|他|她|您|小|大|老|单亲)?"
_KIN: Final = words("妈 爸 妈妈 爸爸 叔 姑 姨 舅 哥 姐 妹 弟 孕妇 宝妈 大三阳 小三阳 阳")
_NOBODY: Final = re.compile(f"{_WHOSE}(?:{any_of([*RELATIVES, *_KIN])})$")
_STAFF_TITLE: Final = re.compile(
    r"(?:[副正总]?主任)?(?:(?:主治|住院|规培|进修|值班)?(?:医师|医生)|主任|护士长?|教授|院长|技师|药师)"
)
_NAME: Final = re.compile(rf"[{HAN}·•・‧.]{{2,20}}$")


class _Sentence(NamedTuple):
    """A half-open span of text, and whether the note that it is of is far from clinical prose."""

    start: int
    end: int
    plain: bool


class NameModel:
    """The name gate, the screen and the two taggers of `anonymization/model/`.

    Raises ModelError when one cannot be loaded.
    """

    def __init__(self) -> None:
        self._gate, self._screen = name_gate(), name_screen()
        self._slow, self._quick = tagger("lac"), tagger("cutword")

    def find(self, text: str, known: Iterable[tuple[int, int]]) -> Iterator[Finding]:
        """Yield names of a normalised, simplified text beyond the spans that are `known` to be names already.

        The text may be a batch of notes. Each is judged alone: whether it is clinical prose decides the thresholds.
        """
        taken = sorted(known)
        doubtful: list[Scored] = []
        sentences: list[_Sentence] = []
        notes = list(parts(text))
        for (first, last), share in zip(notes, clinical_shares(text, notes), strict=True):
            clinical = share >= _SURE_SHARE or (share >= _CLINICAL_SHARE and _CUE.search(text, first, last) is not None)
            scored = [
                candidate
                for candidate in self._gate.score(text, _HINT if share < _FAINT_SHARE else POSSIBLE, first, last)
                if not (
                    _is_known(candidate.start, candidate.end, taken) or _is_term(text, candidate.start, candidate.end)
                )
            ]
            for candidate in scored:
                if candidate.probability >= _sure(text, candidate):
                    yield Finding(Entity.PERSON, candidate.start, candidate.end, 0.7, "gate")
                elif clinical:
                    doubtful.append(candidate)
            if not clinical:
                starts = [candidate.start for candidate in scored] if share else None
                sentences.extend(
                    _Sentence(*match.span(), share < _FAINT_SHARE)
                    for match in _SENTENCE.finditer(text, first, last)
                    if _may_hold_name(match, starts)
                )
        yield from self._confirmed(text, self._possible(text, doubtful, taken))
        yield from self._tagged(text, self._hopeful(text, sentences, taken))

    def given_end(self, text: str, start: int) -> int | None:
        """Return the end of a given name that stands alone, as behind 其子; None when the words there are no name.

        The gate is asked about the same words with a surname before them.
        """
        if self._gate.is_usual(text[start : start + 2]) or is_medical(text, start, start + 2):
            return None
        tried = text[max(0, start - 2) : start] + _ANY_SURNAME + text[start : start + 5]
        first = min(start, 2)
        for candidate in self._gate.score(tried, SURE):
            if candidate.start == first and candidate.end - first == _WHOLE:
                return start + _WHOLE - 1
        return None

    def _possible(self, text: str, doubtful: Sequence[Scored], taken: Sequence[tuple[int, int]]) -> list[Scored]:
        """Return the candidates that the screen sees a name in."""
        windows = [_window(text, candidate) for candidate in doubtful]
        return [
            candidate
            for candidate, (start, _), odds in zip(doubtful, windows, self._odds(text, windows, taken), strict=True)
            if odds[candidate.start - start : candidate.end - start].max() >= _FAINT
        ]

    def _hopeful(self, text: str, sentences: Sequence[_Sentence], taken: Sequence[tuple[int, int]]) -> list[_Sentence]:
        """Return the sentences that the screen sees a name in."""
        every = self._odds(text, [(sentence.start, sentence.end) for sentence in sentences], taken)
        return [sentence for sentence, odds in zip(sentences, every, strict=True) if odds.max() >= _FAINT]

    def _odds(
        self, text: str, passages: Sequence[tuple[int, int]], taken: Sequence[tuple[int, int]]
    ) -> list[NDArray[np.float32]]:
        """Return the screen's log odds for the characters of some passages.

        Known names (`taken`, sorted) are out of the question, and within an address more is asked of a name.
        """
        every = self._screen.odds([text[start:end] for start, end in passages])
        hot = [index for index, odds in enumerate(every) if odds.max() >= _FAINT]
        if hot:
            lowered = [(*span, np.inf) for span in taken]
            lowered += [(place.start, place.end, _WITHIN_ADDRESS) for place in addresses(text)]
            lowered.sort()
            for index in hot:
                first, last = passages[index]
                every[index] = every[index].copy()
                for start, end, less in lowered:
                    if start < last and first < end:
                        every[index][max(0, start - first) : end - first] -= less
        return every

    def _confirmed(self, text: str, doubtful: Sequence[Scored]) -> Iterator[Finding]:
        first = self._votes(text, doubtful, self._quick)
        undecided = [c for c, vote in zip(doubtful, first, strict=True) if (vote is None) == (c.probability >= LIKELY)]
        second = dict(zip(undecided, self._votes(text, undecided, self._slow), strict=True))
        for candidate, vote in zip(doubtful, first, strict=True):
            agreed = [span for span in (vote, second.get(candidate)) if span is not None]
            if len(agreed) >= (1 if candidate.probability >= LIKELY else 2):
                start = min(candidate.start, *(span[0] for span in agreed))
                end = _without_title(text, start, max(candidate.end, *(span[1] for span in agreed)))
                yield Finding(Entity.PERSON, start, end, 0.65, "confirmed")

    @staticmethod
    def _votes(text: str, asked: Sequence[Scored], which: Tagger) -> list[tuple[int, int] | None]:
        """Return the span that a tagger gives to each candidate, None where it sees no person."""
        windows = [_window(text, candidate) for candidate in asked]
        tagged = which.tag([text[start:end] for start, end in windows])
        return [_agreed(c, found, start) for c, found, (start, _) in zip(asked, tagged, windows, strict=True)]

    def _tagged(self, text: str, sentences: Sequence[_Sentence]) -> Iterator[Finding]:
        parts = [text[sentence.start : sentence.end] for sentence in sentences]
        for sentence, part, slow, quick in zip(
            sentences, parts, self._slow.tag(parts), self._quick.tag(parts), strict=True
        ):
            for entity, others in (*((each, quick) for each in slow), *((each, slow) for each in quick)):
                agreed = any(other.start < entity.end and entity.start < other.end for other in others)
                if self._is_name(part, entity, agreed=agreed, plain=sentence.plain):
                    end = _without_title(part, entity.start, entity.end)
                    start = _with_surname(part, entity.start, end)
                    yield Finding(Entity.PERSON, sentence.start + start, sentence.start + end, 0.65, "tagged")

    def _is_name(self, sentence: str, entity: Tagged, *, agreed: bool, plain: bool) -> bool:
        """Tell whether what a tagger takes for a person is one, and not a word for people or a medical word.

        Where both agree (`agreed`), a discoverer (科恩) is a person in text that is not clinical (`plain`), and so is a
        surname alone.
        """
        name = sentence[entity.start : entity.end]
        if (
            not (_NAME.match(name) or (agreed and is_surname(name)))
            or _NOBODY.match(name)
            or _is_office(sentence, entity)
        ):
            return False
        if not agreed and self._is_word(name):
            return False
        if EPONYM_END.match(sentence, entity.end):
            return False
        return (agreed and plain and has_eponym(name)) or not is_medical(sentence, entity.start, entity.end)

    def _is_word(self, name: str) -> bool:
        """Tell whether what one tagger takes for a name is a usual word for people (球员, 总书记), no name."""
        if surname_length(name) or _FOREIGN.fullmatch(name):
            return False
        return all(self._gate.how_usual(name[place : place + 2]) >= _WORD_PAIR for place in range(len(name) - 1))


def _is_term(text: str, start: int, end: int) -> bool:
    """Tell whether a span is part of a medical word, or the discoverer in the name of a disease or sign."""
    return EPONYM_END.match(text, end) is not None or is_medical(text, start, end)


def _is_office(sentence: str, entity: Tagged) -> bool:
    """Tell whether a tagger took what somebody is, or its first character, for a name (董事长, 班|主任)."""
    name = sentence[entity.start : entity.end]
    follows = [sentence[entity.start : entity.start + length] for length in (2, 3)]
    return name in OFFICES or (len(name) == 1 and any(word in OFFICES for word in follows))


def _without_title(text: str, start: int, end: int) -> int:
    """Return the end of a name without the doctor's or nurse's title that a tagger took for a part of it (李|主任)."""
    title = _STAFF_TITLE.search(text, start + 1, end)
    return title.start() if title else end


def _with_surname(text: str, start: int, end: int) -> int:
    """Return the start of a name that a tagger found without the surname before it (石|学海)."""
    is_given = end - start < _WHOLE and not surname_length(text, start)
    return start - 1 if is_given and start and text[start - 1] in COMMON else start


def _sure(text: str, candidate: Scored) -> float:
    return _SURE_COMPOUND if text[candidate.start : candidate.start + 2] in COMPOUND else SURE


def _is_known(start: int, end: int, taken: Sequence[tuple[int, int]]) -> bool:
    """Tell whether a name that was found already covers a candidate, or is whole and overlaps it."""
    first = max(0, bisect_left(taken, (start, 0)) - 2)
    near = taken[first : first + 5]
    return any(
        begin < end and start < stop and (stop - begin >= _WHOLE or (begin <= start and end <= stop))
        for begin, stop in near
    )


def _window(text: str, candidate: Scored) -> tuple[int, int]:
    """Return the sentence around a candidate, cut to 14 characters on each side."""
    start, end = max(0, candidate.start - _WINDOW), min(len(text), candidate.end + _WINDOW)
    before = max(text.rfind(mark, start, candidate.start) for mark in "。;\n")
    after = min((place for mark in "。;\n" if (place := text.find(mark, candidate.end, end)) >= 0), default=end)
    return (before + 1 if before >= 0 else start), after


def _agreed(candidate: Scored, entities: Sequence[Tagged], offset: int) -> tuple[int, int] | None:
    """Return the person's span of a tagger that overlaps a candidate and does not run far beyond it."""
    for entity in entities:
        start, end = entity.start + offset, entity.end + offset
        if start < candidate.end and candidate.start < end:
            near = candidate.start - start <= 2 and end - candidate.end <= 2
            return (start, end) if near else (candidate.start, candidate.end)
    return None


def _may_hold_name(sentence: re.Match[str], starts: Sequence[int] | None) -> bool:
    """Tell whether a sentence has a candidate of the gate, or characters that foreign names are written with.

    Without `starts`, in text that holds no clinical word, any of two characters and more may.
    """
    if starts is None:
        return sentence.end() - sentence.start() > 1
    first = bisect_left(starts, sentence.start())
    if first < len(starts) and starts[first] < sentence.end():
        return True
    return _FOREIGN.search(sentence.group()) is not None
