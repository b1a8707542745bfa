"""Whether pixels may hold an identity: read from modality, class, flag and image type, never guessed from the picture.

An object that may is withheld with its reason; a person has to look at it. Nothing here reads pixel data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final

from pydicom import Dataset

SCREEN_MODALITIES: Final = frozenset({"US", "IVUS", "ES", "XC", "GM", "OT", "SC", "DOC", "HC", "OP", "OPT", "PX", "VF"})
"""Their devices write name and number into the picture, or take photographs."""
FLAG_MODALITIES: Final = frozenset({"CR", "DX", "MG", "RG", "IO"})
"""May come from digitised film or a labelled cassette: they need a flag that says no."""
_CLASSES: Final = (
    ("1.2.840.10008.5.1.4.1.1.7", "secondary capture"),
    ("1.2.840.10008.5.1.4.1.1.104", "encapsulated document"),
    ("1.2.840.10008.5.1.4.1.1.88", "structured report"),
    ("1.2.840.10008.5.1.4.1.1.11", "presentation state"),
    ("1.2.840.10008.5.1.4.1.1.77", "visible light image"),
    ("1.2.840.10008.5.1.4.1.1.3.1", "ultrasound"),
    ("1.2.840.10008.5.1.4.1.1.6.1", "ultrasound"),
    ("1.2.840.10008.5.1.4.1.1.6.2", "ultrasound"),
    ("1.2.840.10008.5.1.4.1.1.66", "raw data"),
)
_CAPTURED: Final = re.compile(r"SCREEN|CAPTURE|DOSE|REPORT|PASTE|SECONDARY ?CAP|SCANNED|DIGITI[SZ]ED|PHOTO")


def withhold_reason(dataset: Dataset, trusted: frozenset[str] = frozenset()) -> str | None:
    """Return why an object is withheld, None when nothing speaks for burnt-in or embedded identity.

    `trusted` are modalities whose pictures the site has looked at and vouches for; a flag that says YES still counts.
    """
    modality = _word(dataset, "Modality")
    reasons = _by_flag(dataset)
    if modality not in trusted:
        reasons = chain(reasons, _by_class(dataset), _by_modality(dataset, modality), _by_origin(dataset))
    return next(reasons, None)


def _by_flag(dataset: Dataset) -> Iterator[str]:
    if _word(dataset, "BurnedInAnnotation") == "YES":
        yield "burned-in annotation flag: YES"
    if _word(dataset, "RecognizableVisualFeatures") == "YES":
        yield "recognizable visual features flag: YES"
    if _has_embedded_overlay(dataset):
        yield "overlay inside the pixel data"


def _by_class(dataset: Dataset) -> Iterator[str]:
    uid = str(dataset.get("SOPClassUID", ""))
    for prefix, name in _CLASSES:
        if uid == prefix or uid.startswith(prefix + "."):
            yield f"class: {name}"
    if "EncapsulatedDocument" in dataset:
        yield "encapsulated document"


def _by_modality(dataset: Dataset, modality: str) -> Iterator[str]:
    if modality in SCREEN_MODALITIES:
        yield f"modality: {modality}"
    if not modality and "PixelData" in dataset:
        yield "modality: not given"
    if modality in FLAG_MODALITIES and _word(dataset, "BurnedInAnnotation") != "NO":
        yield f"modality {modality} without the flag that no annotation is burned in"


def _by_origin(dataset: Dataset) -> Iterator[str]:
    if "ConversionType" in dataset and "PixelData" in dataset:
        yield "converted picture (conversion type is given)"
    if any(_CAPTURED.search(str(value).upper()) for value in _values(dataset, "ImageType")):
        yield "image type: captured"


def _has_embedded_overlay(dataset: Dataset) -> bool:
    """Tell whether an overlay plane lies in unused bits of the pixels (retired), where removing tags leaves it."""
    return any(
        0x6000 <= element.tag.group <= 0x60FF and element.tag.element == 0x0102 and element.value not in (0, None, "")
        for element in dataset
    )


def _word(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip().upper()


def _values(dataset: Dataset, keyword: str) -> list[object]:
    value = dataset.get(keyword)
    return [] if value is None else [value] if isinstance(value, str) else list(value)
