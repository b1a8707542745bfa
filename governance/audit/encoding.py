"""A record and its canonical form: the line that PostgreSQL's COPY writes of it (docs/decisions/0013).

Because canonical bytes and COPY's text format are the same, appending sends what was hashed, and verification hashes
what comes, without taking a record apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

import msgspec

from governance.errors import AuditError

COLUMNS = ("seq", "seal", "recorded_at", "kind", "actor", "project", "purpose", "object", "count", "detail")
LINES = f"select {', '.join(COLUMNS)}, leaf, chain from audit.record"  # noqa: S608 - what verification hashes
# What a session must have set so that COPY's text is the canonical form.
PINNED = "set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local bytea_output = 'hex'"
_ESCAPES = str.maketrans({"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"})
_UNESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_NULL = "\\N"
_ENCODE = msgspec.json.Encoder(order="sorted").encode
Detail = Mapping[str, object]
_NOTHING: Detail = MappingProxyType({})


class Kind(StrEnum):
    """What happened."""

    COLLECTION = "collection"
    DECRYPTION = "decryption"
    READING = "reading"
    WORK = "work"  # opened and ended at the purpose gate
    EXPORT = "export"
    STAGE = "stage"
    BACKUP = "backup"
    RESTORE = "restore"
    DRILL = "drill"
    KEY = "key"
    WITHDRAWAL = "withdrawal"
    MIGRATION = "migration"
    GRANT = "grant"
    APPROVAL = "approval"
    AIRFLOW = "airflow"
    HEARTBEAT = "heartbeat"


READING_KINDS = (Kind.DECRYPTION, Kind.READING, Kind.EXPORT)


@dataclass(frozen=True)
class Record:
    """One event, before it has a place in the log.

    Attributes:
        kind: what happened.
        object: what it was done to: ``schema.table``, ``stage:publish``, ``dag:collect`` …
        count: rows, values or files.
        project, purpose: for which research project, under which purpose.
        actor: who did it; by default the login of the connection that appends.
        detail: ids, versions, counts, digests and commitments; never personal content, which could not be deleted.
    """

    kind: Kind
    object: str | None = None
    count: int | None = None
    project: str | None = None
    purpose: str | None = None
    actor: str | None = None
    detail: Detail = field(default_factory=lambda: _NOTHING)


def canonical(seq: int, seal: str, recorded_at: str, record: Record, login: str) -> bytes:
    """The bytes that are hashed: COPY's text line of :data:`COLUMNS`, without its line end.

    Args:
        recorded_at: from :func:`timestamp`.
        login: actor of a record that names none.

    Raises:
        AuditError: a text cannot be stored (a zero byte, half a character) or the detail is not JSON.
    """
    parts = (
        str(seq), seal, recorded_at, record.kind, _text(record.actor or login), _text(record.project),
        _text(record.purpose), _text(record.object), _NULL if record.count is None else str(record.count),
        _json(record.detail) if record.detail else "{}",
    )  # fmt: skip
    try:
        line = "\t".join(parts).encode()
    except UnicodeEncodeError as error:
        raise AuditError(f"a record of kind {record.kind} holds half a character; it was not appended") from error
    if b"\x00" in line:
        raise AuditError(f"a record of kind {record.kind} holds a zero byte; it was not appended")
    return line


def timestamp(moment: datetime) -> str:
    """A time as PostgreSQL writes it in UTC: ``2026-01-31 09:30:00.25+00``."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return text.rstrip("0").removesuffix(".") + "+00"


def fields(line: bytes) -> dict[str, str | None]:
    """The columns of a canonical line.

    Raises:
        AuditError: it is not a record's line.
    """
    parts = line.decode("utf-8", errors="replace").split("\t")
    if len(parts) != len(COLUMNS):
        raise AuditError(f"the line has {len(parts)} columns, an audit record has {len(COLUMNS)}; it is not one")
    return dict(zip(COLUMNS, (_unescaped(part) for part in parts), strict=True))


def _text(value: str | None) -> str:
    if value is None:
        return _NULL
    return value if value.isprintable() and "\\" not in value else value.translate(_ESCAPES)


def _unescaped(part: str) -> str | None:
    if part == _NULL:
        return None
    pieces, rest = [], iter(part)
    for character in rest:
        if character == "\\":
            following = next(rest, "")
            pieces.append(_UNESCAPES.get(following, following))
        else:
            pieces.append(character)
    return "".join(pieces)


def _json(detail: Detail) -> str:
    try:
        text = _ENCODE(dict(detail)).decode()
        if "null" in text:  # which the encoder also makes of a number that is none
            json.dumps(dict(detail), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise AuditError(f"the detail of an audit record is not JSON ({error}); it was not appended") from error
    return text.replace("\\", "\\\\")  # JSON has no other character that COPY escapes
