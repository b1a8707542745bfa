"""Character sets: every text of an object is decoded, also where old devices name no set, or a wrong one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from pydicom import DataElement, Dataset

from anonymization.errors import AnonymizationError

TEXT_KINDS: Final = frozenset({"LO", "SH", "LT", "ST", "UT", "UC", "PN"})
_LATIN: Final = frozenset({"", "ISO_IR 6", "ISO_IR 100", "ISO 2022 IR 6", "ISO 2022 IR 100"})
_TRIED: Final = ("utf-8", "gb18030")


class CharacterSetError(AnonymizationError):
    """Texts are in no character set that the object names or that is usual in China."""


def decoded(dataset: Dataset) -> Dataset:
    """Return the data set with all values read, texts in Unicode.

    Where no set or only Latin is named but the bytes are Chinese, UTF-8 is taken if all are valid in it, else GB18030.
    Raises CharacterSetError when they are neither.
    """
    named = str(dataset.get("SpecificCharacterSet") or "")
    dataset.decode()
    if named in _LATIN:
        elements = [element for element in _texts(dataset) if not _plain(element.value).isascii()]
        if elements:
            codec = _codec_of([_plain(element.value).encode("latin-1", "replace") for element in elements])
            for element in elements:
                element.value = each(element.value, lambda one: one.encode("latin-1").decode(codec))
    return dataset


def each(value: Any, change: Callable[[str], Any]) -> Any:
    """Change each value of an element that may hold several."""
    if value is None or value == "":
        return value
    if isinstance(value, str) or not hasattr(value, "__iter__") or hasattr(value, "components"):
        return change(str(value))
    return [change(str(one)) for one in value]


def _texts(dataset: Dataset) -> Iterator[DataElement]:
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value or []:
                yield from _texts(item)
        elif element.VR in TEXT_KINDS and element.value:
            yield element


def _plain(value: Any) -> str:
    together = each(value, str)
    return together if isinstance(together, str) else "\\".join(together)


def _codec_of(texts: list[bytes]) -> str:
    for codec in _TRIED:
        try:
            for text in texts:
                text.decode(codec)
        except UnicodeDecodeError:
            continue
        return codec
    raise CharacterSetError("texts in an unknown character set; set (0008,0005) right and try again")
