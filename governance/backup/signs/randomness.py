"""How random stored text and files look: encrypted data cannot be compressed, clinical text can.

The figure is the compressed share (zlib), from about 0.1 for codes to 1 for random bytes. It is held against what the
same column or folder had earlier, because pictures and tokens look random by nature. Random bytes written as
hexadecimal digits still compress to 0.5, in base 64 to 0.75: a rise is a sign, not the figure itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import psycopg
from psycopg import sql

from governance.backup.policy import WarningLimits
from governance.backup.signs.model import Sign, jump, sign

_LEAST = 2_000  # bytes; less says nothing
_ROWS = 500
_FILES, _HEAD = 200, 65_536
_COLUMNS = """
    select table_name, column_name from information_schema.columns
    where table_schema = 'landing' and data_type in ('text', 'character varying') and column_name !~ '^_'
    order by 1, 2"""


def compressed_share(content: bytes) -> float:
    """Compressed size over size, at most 1."""
    return min(len(zlib.compress(content, 6)) / len(content), 1.0) if content else 0.0


def text_columns(connection: psycopg.Connection) -> dict[str, float]:
    """Compressed share of the newest values of every landing text column that holds enough; values stay in memory."""
    shares = {}
    for table, column in connection.execute(_COLUMNS).fetchall():
        query = sql.SQL("select {column} from landing.{table} where {column} is not null order by ctid desc limit %s")
        rows = connection.execute(
            query.format(column=sql.Identifier(column), table=sql.Identifier(table)), (_ROWS,)
        ).fetchall()
        content = "\n".join(row[0] for row in rows).encode()
        if len(content) >= _LEAST:
            shares[f"landing.{table}.{column}"] = compressed_share(content)
    return shares


def folders(paths: Mapping[str, Path]) -> dict[str, float]:
    """Median compressed share of the files of each folder (the newest files, the beginning of each)."""
    shares = {}
    for name, folder in paths.items():
        files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
        newest = sorted(files, key=lambda path: path.stat().st_mtime, reverse=True)[:_FILES]
        contents = [content for content in map(_head, newest) if len(content) >= _LEAST]
        if contents:
            shares[name] = median(compressed_share(content) for content in contents)
    return shares


def randomness(
    name: str, shares: Mapping[str, float], earlier: Mapping[str, Sequence[float]], limits: WarningLimits
) -> Sign:
    """Whether any column or folder looks more random than it did.

    Args:
        earlier: earlier figures of each object; one with too few of them is not judged.
    """
    findings, judged = [], 0
    for thing, share in shares.items():
        past = earlier.get(thing, ())
        if len(past) < limits.earlier_at_least:
            continue
        judged += 1
        if share > median(past) and jump(share, past, limits.deviations, limits.randomness_rise):
            findings.append(f"{thing}: 压缩后占比 compressed share {median(past):.2f} → {share:.2f}")
    words = f"{judged} / {len(shares)} 项可比 comparable"
    return sign(name, findings, judged, words)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""
