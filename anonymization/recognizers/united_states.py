"""The few English identifiers that a second source brings: social security numbers and titled names."""

from __future__ import annotations

from typing import ClassVar

from anonymization.entities import Entity
from anonymization.recognizers.base import LEFT, RIGHT, Form, FormRecognizer

_WORD = r"[A-Z][A-Za-z'’\-]+\d{0,4}"
_FULL = rf"{_WORD}(?: [A-Z]\.)?(?: {_WORD}){{0,2}}"


class SsnRecognizer(FormRecognizer):
    """Finds social security numbers of the United States, hyphenated or after their label."""

    ENTITIES = (Entity.SSN,)
    FORMS: ClassVar = (
        Form("hyphenated", rf"{LEFT}\d{{3}}-\d{{2}}-\d{{4}}{RIGHT}", 0.85, needs=("-",)),
        Form("labelled", rf"(?:SSN|[Ss]ocial [Ss]ecurity(?: [Nn]umber| [Nn]o\.?)?)[:#\s]{{0,3}}(?P<v>\d{{3}}[ \-]?\d{{2}}[ \-]?\d{{4}}){RIGHT}", 0.95),
    )


class EnglishNameRecognizer(FormRecognizer):
    """Finds English names after a label or a title; names without either are left to a model or to known identifiers."""

    ENTITIES = (Entity.PERSON,)
    FORMS: ClassVar = (
        Form("titled", rf"(?<![A-Za-z])(?:Mr|Mrs|Ms|Miss|Dr|Prof)\.? (?P<v>{_FULL})", 0.85, needs=("M", "D", "Prof")),
        Form(
            "labelled",
            rf"(?<![A-Za-z])(?:[Pp]atient(?: [Nn]ame)?|[Nn]ame|[Ss]igned(?: by)?|[Pp]hysician|[Pp]rovider|[Nn]urse|[Ee]mergency [Cc]ontact)\s?[:]\s?(?P<v>{_FULL})",
            0.85,
            needs=(":",),
        ),
    )
