"""Writes anonymization/data/pinyin.txt: the syllables, without tones, of the characters that names are written with.

    python build.py        (needs pypinyin, MIT; its data: mozillazg/pinyin-data, MIT)

One syllable a line with its characters, all readings counted: the 6,763 characters of GB 2312 and those of our
surname table.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

from pypinyin import Style, pinyin

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from anonymization.lexicon import surnames  # noqa: E402


def characters() -> set[str]:
    """Return the characters of GB 2312 and of the surname table."""
    found = set()
    for high in range(0xB0, 0xF8):
        for low in range(0xA1, 0xFF):
            try:
                found.add(bytes([high, low]).decode("gb2312"))
            except UnicodeDecodeError:
                continue
    return found | set("".join(surnames.COMMON | surnames.RARE)) | set("".join(surnames.COMPOUND))


def main() -> None:
    """Write the table."""
    table: dict[str, list[str]] = defaultdict(list)
    for character in sorted(characters()):
        for reading in pinyin(character, style=Style.NORMAL, heteronym=True, v_to_u=True)[0]:
            if reading.isalpha() and reading != character and character not in table[reading]:
                table[reading].append(character)
    lines = [f"{syllable}\t{''.join(table[syllable])}" for syllable in sorted(table)]
    (ROOT / "anonymization/data/pinyin.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
