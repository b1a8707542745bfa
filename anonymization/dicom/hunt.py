"""The residual hunt: who the patient was is looked for in the bytes that would be written, in UTF-8 and GB18030."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pydicom import Dataset
from pydicom.multival import MultiValue

from anonymization.dicom.text import TEXT_KINDS
from anonymization.residual import find_residual

_NUMBERS: Final = frozenset(
    {
        "PatientID", "OtherPatientIDs", "AccessionNumber", "AdmissionID", "MedicalRecordLocator", "PatientAddress",
        "PatientTelephoneNumbers", "PatientTelecomInformation", "IssuerOfPatientID", "InstitutionName",
        "InstitutionAddress", "ServiceEpisodeID", "PlacerOrderNumberImagingServiceRequest",
        "FillerOrderNumberImagingServiceRequest", "PersonAddress", "PersonTelephoneNumbers",
    }
)  # fmt: skip
_LEAST_LATIN: Final = 4
_LEAST_HAN: Final = 2
_ENCODINGS: Final = ("utf-8", "gb18030")
_ANONYMOUS: Final = frozenset({"ANONYMIZED", "ANONYMOUS", "UNKNOWN", "NONE", "MALE", "FEMALE"})


@dataclass(frozen=True, slots=True)
class Identifiers:
    """Names (all component groups, whole and in parts) and other identifying values of one object."""

    names: list[str] = field(repr=False)
    values: list[str] = field(repr=False)


def identifiers_of(dataset: Dataset) -> Identifiers:
    """Collect every person's name and every identifying number or place, nested ones too."""
    names: set[str] = set()
    values: set[str] = set()
    for keyword, vr, text in _texts(dataset):
        if vr == "PN":
            names.update(_name_parts(text))
        elif keyword in _NUMBERS:
            values.add(text.strip())
    return Identifiers(sorted(filter(_is_telling, names)), sorted(filter(_is_telling, values)))


def left_in(content: bytes, identifiers: Identifiers) -> Counter[str]:
    """Count, by kind, the identifiers whose bytes still stand in a content."""
    left: Counter[str] = Counter()
    for kind, texts in (("name", identifiers.names), ("number or place", identifiers.values)):
        left[kind] += sum(_stands_in(text, content) for text in texts)
    return +left


def numbers_left(dataset: Dataset) -> Counter[str]:
    """Count identity numbers, mobiles, cards and e-mail addresses, valid by form, in the texts to be written."""
    texts = (text for keyword, vr, text in _texts(dataset) if vr != "PN" and keyword != "PatientID")
    return find_residual("\n".join(texts))


def _stands_in(text: str, content: bytes) -> bool:
    for encoding in _ENCODINGS:
        pattern = re.escape(text.encode(encoding, "replace"))
        if text.isascii():
            pattern = rb"(?<![0-9A-Za-z])" + pattern + rb"(?![0-9A-Za-z])"
        if re.search(pattern, content, re.IGNORECASE):
            return True
    return False


def _texts(dataset: Dataset) -> Iterator[tuple[str, str, str]]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value or []:
                yield from _texts(item)
        elif element.VR in TEXT_KINDS and element.value:
            several = element.value if isinstance(element.value, (MultiValue, list)) else [element.value]
            for one in several:
                yield element.keyword, str(element.VR), str(one)


def _name_parts(name: str) -> Iterator[str]:
    """Yield each component group, its components, and the name as it is written without separators."""
    for group in name.split("="):
        components = [part.strip() for part in group.split("^") if part.strip()]
        yield from (part for part in components if not part.isascii() or len(components) == 1)
        if len(components) > 1:
            yield from (sign.join(components) for sign in ("", "^", " ", ", "))
            yield from (sign.join(reversed(components)) for sign in ("", " "))


def _is_telling(text: str) -> bool:
    if text.upper() in _ANONYMOUS:
        return False
    return len(text) >= (_LEAST_LATIN if text.isascii() else _LEAST_HAN)
