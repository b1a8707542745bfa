"""The residual check: scrubbed text is searched again for everything that must not be in it.

It is not the same pass twice: it looks at the output, compares whole known identifiers however they are grouped, long
names whatever touches them, and takes any valid identity number, dialable mobile or working e-mail address, whatever
stands around it.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from anonymization.checksums import luhn_is_valid, resident_id_is_valid
from anonymization.entities import Entity
from anonymization.errors import ResidualIdentifierError
from anonymization.known import KnownMatcher
from anonymization.normalize import normalize

_SEPARATED: Final = re.compile(r"[0-9](?:[ \t\-.·_/]?[0-9Xx]){10,18}")
_MAIL: Final = re.compile(r"[0-9A-Za-z._%+\-]+@(?!example\.invalid)[0-9A-Za-z\-]+\.[A-Za-z]")
_MOBILE: Final = re.compile(r"(?:86)?1[3-9]\d{9}$")


def find_residual(text: str, matcher: KnownMatcher | None = None) -> Counter[str]:
    """Count identifiers that can still be read in a scrubbed text, by entity type; empty when it is clean."""
    normalized = normalize(text)
    left: Counter[str] = Counter()
    hits = () if matcher is None or matcher.is_empty else matcher.hits(normalized, guarded=False)
    for hit in hits:
        if hit.whole:
            left[str(hit.entity)] += 1
    for match in _SEPARATED.finditer(normalized):
        kind = _kind_of(re.sub(r"[ \t\-.·_/]", "", match.group()))
        if kind is not None:
            left[str(kind)] += 1
    for _ in _MAIL.finditer(normalized) if "@" in normalized else ():
        left[str(Entity.EMAIL)] += 1
    return left


def require_clean(text: str, matcher: KnownMatcher | None = None) -> None:
    """Raise ResidualIdentifierError, naming kinds and counts only, when a scrubbed text still holds an identifier."""
    left = find_residual(text, matcher)
    if left:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(left.items()))
        raise ResidualIdentifierError(
            f"Identifiers are left after scrubbing ({kinds}). Withhold the note and report its id."
        )


def _kind_of(digits: str) -> Entity | None:
    if resident_id_is_valid(digits):
        return Entity.RESIDENT_ID
    if _MOBILE.match(digits):
        return Entity.PHONE
    if 16 <= len(digits) <= 19 and digits[:2] == "62" and luhn_is_valid(digits):
        return Entity.BANK_CARD
    return None
