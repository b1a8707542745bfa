"""Word tables: surnames, characters of given names, words that look like names, labels and titles around names."""

from __future__ import annotations

from collections.abc import Iterable


def words(table: str) -> tuple[str, ...]:
    """Split a table of words that stand apart by blanks or line ends."""
    return tuple(table.split())


def any_of(table: Iterable[str]) -> str:
    """Return a pattern that matches one of the words, the longest first."""
    return "|".join(sorted(table, key=len, reverse=True))
