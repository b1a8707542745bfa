"""What a logged statement reads: its tables, or that it hides them. Nothing else of its text is kept.

A statement is parsed by sqlglot as PostgreSQL's. What sqlglot does not know but only wraps a query (EXPLAIN, PREPARE,
DECLARE … CURSOR, TABLE, COPY) is unwrapped. One that executes text (DO, query_to_xml …) or cannot be parsed is opaque.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

STATISTICS = frozenset(
    {"pg_stats", "pg_stats_ext", "pg_stats_ext_exprs", "pg_statistic", "pg_statistic_ext", "pg_statistic_ext_data"}
)
_SYSTEM = frozenset({"pg_catalog", "information_schema", "pg_toast"})
_WRAPPERS = (
    re.compile(r"^explain\s*(\([^)]*\))?\s*((analyze|verbose)\b\s*)*", re.I),
    re.compile(r"^prepare\s+(\"[^\"]*\"|\w+)\s*(\([^)]*\))?\s+as\s+", re.I),
    re.compile(r"^declare\s+(\"[^\"]*\"|\w+)\s+.*?\bcursor\b\s*(with(out)?\s+hold\s+)?for\s+", re.I | re.S),
)
_TABLE = re.compile(r"^table\s+(only\s+)?", re.I)
_COPY = re.compile(r"^copy\s+(?!\()([^\s(]+)\s*(\([^)]*\))?\s+to\b.*$", re.I | re.S)
# Settings, transactions, and what only repeats a statement that was logged when it was prepared or declared.
_SILENT = re.compile(
    r"^(begin|start|commit|end|rollback|abort|savepoint|release|set|reset|show|discard|close|fetch|move|execute|deallocate"
    r"|listen|unlisten|notify|checkpoint|lock|prepare\s+transaction)\b",
    re.I,
)
_RUNS_TEXT = re.compile(
    r"^((query|cursor|table|schema|database)_to_xml(schema|_and_xmlschema)?|ts_stat|ts_rewrite|lo_\w+|loread|lowrite)$"
)
_COMMENT = re.compile(r"^(\s+|--[^\n]*(\n|$)|/\*.*?\*/)+", re.S)

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of commands that it does not parse


@dataclass(frozen=True)
class Reads:
    """Tables (``schema.table``) that a statement reads, and whether it may read others that its text does not show."""

    tables: tuple[str, ...] = ()
    opaque: bool = False


def reads(text: str, known: Mapping[str, Sequence[str]]) -> Reads:
    """What a statement reads.

    Args:
        text: the statement, or several parted by semicolons.
        known: table name -> schemas in which it stands; a name without schema may mean any of them.
    """
    body = _COMMENT.sub("", text)
    for wrapper in _WRAPPERS:
        body = _COMMENT.sub("", wrapper.sub("", body, count=1))
    body = _COPY.sub(r"select * from \1", _TABLE.sub("select * from ", body, count=1))
    if not body.strip(" ;\n\t"):
        return Reads()
    if _SILENT.match(body) and ";" not in body.rstrip("; \n\t"):
        return Reads()
    try:
        parsed = [node for node in sqlglot.parse(body, dialect="postgres") if node is not None]
    except SqlglotError:
        return Reads(opaque=True)
    tables: set[str] = set()
    opaque = False
    for node in parsed:
        if isinstance(node, exp.Command):
            inner = _command(node, known, text)
            tables |= set(inner.tables)
            opaque |= inner.opaque
            continue
        found, hides = _tables(node, known)
        tables |= found
        opaque |= hides
    return Reads(tuple(sorted(tables)), opaque)


def _command(node: exp.Command, known: Mapping[str, Sequence[str]], whole: str) -> Reads:
    """A statement that sqlglot does not parse: silent, wrapped once more, or opaque."""
    text = node.sql(dialect="postgres")
    if _SILENT.match(text):
        return Reads()
    wrapped = any(wrapper.match(text) for wrapper in _WRAPPERS) or _TABLE.match(text)
    return reads(text, known) if wrapped and text.strip() != whole.strip() else Reads(opaque=True)


def _tables(node: exp.Expression, known: Mapping[str, Sequence[str]]) -> tuple[set[str], bool]:
    named = {cte.alias_or_name.lower() for cte in node.find_all(exp.CTE)}
    tables: set[str] = set()
    for table in node.find_all(exp.Table):
        name, schema = _folded(table.this), _folded(table.args.get("db"))
        if not name or (not schema and name in named):
            continue
        if name in STATISTICS and schema in ("", "pg_catalog"):
            tables.add(f"pg_catalog.{name}")
        elif schema:
            tables |= {f"{schema}.{name}"} if schema not in _SYSTEM else set()
        else:
            tables |= {f"{where}.{name}" for where in known.get(name, ())}
    hides = any(_RUNS_TEXT.match(str(call.name or call.key).lower()) for call in node.find_all(exp.Anonymous, exp.Func))
    return tables, hides


def _folded(node: object) -> str:
    """An identifier as PostgreSQL folds it: small letters unless quoted."""
    if not isinstance(node, exp.Identifier):
        return ""
    return str(node.this) if node.args.get("quoted") else str(node.this).lower()
