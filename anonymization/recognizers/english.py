"""English passages: names, places and institutions by the model, and the numbers that English text holds.

The forms of numbers are strict where Chinese text is concerned (label, check digit), and loose inside English passages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar, Final

from anonymization.checksums import iban_is_valid, luhn_is_valid
from anonymization.english.features import nationalities, word_lists
from anonymization.english.passages import english_passages
from anonymization.english.tagger import tag
from anonymization.entities import Entity
from anonymization.lexicon import words
from anonymization.recognizers.base import HAN, RIGHT, START, Finding, Form, FormRecognizer, ScanRecognizer

_WORD = r"[A-Z][A-Za-z'’\-]+\d{0,4}"
_HAN_WORD = r"[A-Z][A-Za-z'’\-]{1,20}"
_TWO_CAPITALS = re.compile(r"[A-Z](?=[A-Za-z'’\-]{1,40}\d{0,4} [A-Z])"), 16, 160
"""What a name of two words holds, and how far a label before it and its last word reach."""
_BEHIND_LETTERS = re.compile(
    rf"[博教医主护家(](?:(?<=[A-Za-z'’\-].)|(?<=[A-Za-z'’\-] .))(?:[士授生师任属]|(?<=\()[{HAN}]{{2,4}}\))"
)
_FULL = rf"{_WORD}(?: [A-Z]\.)?(?: {_WORD}){{0,2}}"
_TYPES: Final = {
    "PERSON": (Entity.PERSON, 0.8),
    "LOC": (Entity.ADDRESS, 0.7),
    "ORG": (Entity.ORGANIZATION, 0.65),
    "NRP": (Entity.NATIONALITY, 0.7),
}
_ABBREVIATIONS: Final = frozenset(
    words(
        """
        DOB MRN SSN ID DX HX RX TX SX Tx Sx Pts PMH HPI BP HR RR CT MRI PET ECG EKG EEG ICU ER ED OR IV PO PCP DNR ICD
        EHR NPI DM DM1 UTI DVT PE MI TIA CVA PCI BMI WBC RBC HGB PLT ALT AST TNM HER2 NSAID PRN BID TID QD
        """
    )
)
"""Clinical abbreviations that alone look like places or people to the model; some are states beside a town."""
_NEVER_INSIDE: Final = frozenset(words("HTN CAD COPD CHF CKD DM2 GERD CABG Meds Dx Hx Rx Pt"))
"""Those that stand in no address and no name."""
_EPONYM: Final = re.compile(
    r"(?:'s|’s)?[ -](?:(?:non-)?[a-z]+ )?(?:disease|syndrome|sign|lymphoma|test|score|scale|criteria|classification"
    r"|reflex|palsy|tumou?r|sarcoma|catheter|procedure|fracture|nodes?|anemia|thyroiditis|phenomenon|contracture|index"
    r"|stain)"
)
_ZIP: Final = re.compile(r"\d{4,}(?:-\d{4})?$")
_NUMBER = r"(?P<v>[A-Za-z]{0,3}[\- ]?\d[0-9A-Za-z\-]{3,20})(?![0-9A-Za-z])"
_IS = r"(?:\s(?:number|no|num|id))?\.?\s?(?:is|:|#|=)?\s{0,2}#?"


def _digits(value: str) -> str:
    return re.sub(r"\D", "", value)


def _is_dialled(value: str) -> bool:
    digits = _digits(value)
    return 7 <= len(digits) <= 15 and len(set(digits)) > 1


def _is_card(value: str) -> bool:
    return luhn_is_valid(_digits(value))


def _is_clinical(text: str, label: str, start: int, end: int) -> bool:
    """Tell whether a find is an abbreviation, the discoverer of a disease, or a number that is no postal code."""
    surface = text[start:end]
    if surface in _ABBREVIATIONS or not _NEVER_INSIDE.isdisjoint(re.findall(r"[A-Za-z0-9]+", surface)):
        return True
    if label == "PERSON":
        return _EPONYM.match(text, end) is not None
    return label == "LOC" and not any(map(str.isalpha, surface)) and _ZIP.match(surface) is None


def _is_foreign_name(value: str) -> bool:
    """Tell whether capital words after 患者 are a name: one of them is a given name, none an abbreviation."""
    parts = value.split()
    given = word_lists()["given"]
    return _ABBREVIATIONS.isdisjoint(parts) and any(part.lower() in given for part in parts)


def _has_digits(value: str) -> bool:
    return sum(character.isdigit() for character in value) >= 4


class EnglishTextRecognizer(ScanRecognizer):
    """Finds people, places of every size, institutions and nationalities in English passages."""

    ENTITIES = (Entity.PERSON, Entity.ADDRESS, Entity.ORGANIZATION, Entity.NATIONALITY)

    def scan(self, text: str) -> Iterator[Finding]:
        """Yield what the model finds in the English passages of a text."""
        for first, last in english_passages(text):
            for label, start, end in tag(text[first:last]):
                if _is_clinical(text, label, first + start, first + end):
                    continue
                entity, score = _TYPES[label]
                yield Finding(entity, first + start, first + end, score, "model")
            for match in nationalities().finditer(text, first, last):
                yield Finding(Entity.NATIONALITY, match.start(), match.end(), 0.7, "nationality")


class EnglishNumberRecognizer(FormRecognizer):
    """Finds the numbers of English passages: telephones of the world, cards, accounts, licences, domains."""

    ENTITIES = (Entity.PHONE, Entity.BANK_CARD, Entity.CERTIFICATE, Entity.URL, Entity.DATE_OF_BIRTH, Entity.AGE)
    FORMS: ClassVar = (
        Form(
            "phone",
            rf"[+(\d]{START}(?<!\d[.,:/])\(?\d{{0,5}}(?:\)?[ .\-/]{{0,2}}\(?\d{{1,5}}\)?){{2,6}}"
            rf"(?:\s?(?:x|ext\.?)\s?\d{{1,6}})?{RIGHT}",
            0.6,
            check=_is_dialled,
        ),
        Form(
            "phone_labelled",
            r"(?:[Pp]hone|[Cc]all|[Tt]el|[Ff]ax|[Mm]obile|[Cc]ell|[Dd]esk|[Oo]ffice|[Rr]each me (?:at|on))"
            r"[^\d\n+(]{0,12}"
            r"(?P<v>[+(]?\d[\d ().\-/]{4,18}\d(?:\s?x\s?\d{1,6})?)(?!\d)",
            0.85,
        ),
        Form(
            "phone_marked",
            r"(?P<v>[+(]?\d[\d ().\-/]{4,18}\d(?:x\d{1,6})?)"
            r"(?=[ \-](?:[Pp]hone|[Ff]ax|[Oo]ffice|[Mm]obile|[Hh]ome|[Cc]ell))",
            0.85,
        ),
        Form("card", rf"\d{START}(?:[ \-]?\d){{11,18}}{RIGHT}", 0.75, Entity.BANK_CARD, check=_is_card),
        Form(
            "account",
            rf"(?:[Aa]ccount|[Cc]ard|[Rr]outing|[Aa]cct){_IS}(?P<v>\d(?:[ \-]?\d){{5,18}})(?![0-9A-Za-z])",
            0.8,
            Entity.BANK_CARD,
        ),
        Form(
            "licence",
            rf"(?:[Dd]river'?s?'?\s[Ll]icen[cs]e|[Ll]icen[cs]e|[Pp]assport|[Mm]ember|[Pp]olicy|[Ii]nsurance|DL|DEA|NPI|VIN){_IS}{_NUMBER}",
            0.85,
            Entity.CERTIFICATE,
            check=_has_digits,
        ),
        Form(
            "domain",
            r"(?<![0-9A-Za-z@.\-])(?:[0-9A-Za-z\-]{1,63}\.){1,4}(?:com|org|net|edu|gov|info|biz|io|co\.uk)(?![0-9A-Za-z\-])"
            r"(?:/[0-9A-Za-z\-._~/?=&%#]*)?",
            0.8,
            Entity.URL,
        ),
    )

    def scan(self, text: str) -> Iterator[Finding]:
        """Yield the numbers inside English passages only."""
        for first, last in english_passages(text):
            for found in super().scan(text[first:last]):
                start, end = found.start + first, found.end + first
                alone = text[end - 1] == ")" and "(" not in text[start:end]  # it closes what opened before the number
                yield found._replace(start=start, end=end - alone)


class IbanRecognizer(FormRecognizer):
    """Finds international bank account numbers (ISO 13616) by their check digits, grouped or not, in any language."""

    ENTITIES = (Entity.BANK_CARD,)
    FORMS: ClassVar = (
        Form(
            "iban",
            rf"[A-Z]{START}[A-Z]\d{{2}}(?:[ \-]?[0-9A-Z]){{11,30}}{RIGHT}",
            0.95,
            check=lambda value: iban_is_valid(re.sub(r"[ \-]", "", value)),
        ),
    )


class SsnRecognizer(FormRecognizer):
    """Finds social security numbers of the United States, hyphenated or after their label."""

    ENTITIES = (Entity.SSN,)
    FORMS: ClassVar = (
        Form(
            "hyphenated",
            rf"\d{START}\d{{2}}-\d{{2}}-\d{{4}}{RIGHT}",
            0.85,
            around=(re.compile(r"-(?=\d\d-\d{4})"), 4, 12),
        ),
        Form(
            "labelled",
            r"(?:SSN|[Ss]ocial [Ss]ecurity(?: [Nn]umber| [Nn]o\.?)?)(?: is)?[:#\s]{0,3}"
            rf"(?P<v>\d{{3}}[ \-]?\d{{2}}[ \-]?\d{{4}}){RIGHT}",
            0.95,
            needs=("SSN", "ecurity"),
        ),
    )


class EnglishNameRecognizer(FormRecognizer):
    """Finds English names after a label or a title, in Chinese text too."""

    ENTITIES = (Entity.PERSON,)
    FORMS: ClassVar = (
        Form("titled", rf"(?:Mr|Mrs|Ms|Miss|Dr|Prof)\.? (?P<v>{_FULL})", 0.85, start=re.compile("[MDP](?=[rsi])")),
        Form(
            "han_labelled",
            r"(?:姓\s{0,4}名|患者|病人|联系人|家属|监护人|医师|签名)[】\]]?[:\s]{1,4}"
            rf"(?P<v>{_WORD}(?: {_WORD}){{1,2}})",
            0.85,
            around=_TWO_CAPITALS,
        ),
        Form(
            "han_patient",
            rf"(?:患者|病人|患儿|产妇|其[父母妻夫子女兄弟姐妹])(?P<v>{_HAN_WORD}(?: {_HAN_WORD}){{1,2}})"
            r"(?![A-Za-z]|[ ]?(?:征|病|综合征|评分|分级|分期|试验|指数|量表))",
            0.7,
            around=_TWO_CAPITALS,
            check=_is_foreign_name,
        ),
        Form(
            "han_titled",
            rf"(?P<v>{_HAN_WORD}(?: (?:[A-Z]\.|{_HAN_WORD})){{1,3}}) ?(?=先生|女士|小姐|夫人)",
            0.85,
            around=(re.compile(r"[先女小夫](?:(?<=[A-Za-z'’\-].)|(?<=[A-Za-z'’\-] .))(?:生|士|姐|人)"), 88, 4),
        ),
        Form(
            "han_beside",
            rf"(?P<v>{_HAN_WORD}(?: (?:[A-Z]\.|{_HAN_WORD})){{1,3}}) ?"
            rf"(?=(?:博士|教授|医生|医师|主任|护士|家属)|\([{HAN}]{{2,4}}\))",
            0.75,
            around=(_BEHIND_LETTERS, 88, 8),
            check=_is_foreign_name,
        ),
        Form(
            "labelled",
            r"(?:Patient|patient|Name|name|Signed|signed|by|Physician|Provider|provider|Nurse|Contact|contact|Attending)"
            rf"(?: [Nn]ame| by)?\s?:\s?(?P<v>{_FULL})",
            0.85,
            start=re.compile("[PpNnSsbCcA](?=[ahriuyot])"),
        ),
    )
