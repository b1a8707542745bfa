"""Appending to the log: in the transaction of the action itself, so that neither stands without the other."""

from __future__ import annotations

import hmac
from binascii import hexlify
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

import psycopg

from governance.audit.chain import AuditKeys
from governance.audit.encoding import COLUMNS, Kind, Record, canonical, timestamp
from governance.errors import AuditError

_APPEND_LOCK = 7_210_030
_COPY = f"copy audit.record ({', '.join(COLUMNS)}, leaf, chain) from stdin"
_HEAD = """
    select clock_timestamp(), head.seq, head.chain
    from (values (1)) as one
    left join lateral (select seq, chain from audit.record order by seq desc limit 1) as head on true"""
_CHUNK = 1 << 18


def append(connection: psycopg.Connection, records: Sequence[Record], keys: AuditKeys) -> range:
    """Append records, in the connection's transaction or, if none is open, in one of their own.

    Others wait from here to the end of the transaction, so this is its last statement. It must not be repeatable read.

    Returns:
        The sequence numbers given.

    Raises:
        AuditError: the log refused; the caller's action must fail with it.
    """
    if not records:
        return range(0)
    try:
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (_APPEND_LOCK,))
            row = connection.execute(_HEAD).fetchone()
            assert row is not None  # noqa: S101 - a left join of one row returns one
            moment, last, chain = row
            first = (last or 0) + 1
            lines = _lines(records, first, chain, timestamp(moment), keys, connection.info.user)
            with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                for chunk in _chunks(lines):
                    copy.write(chunk)
    except psycopg.Error as error:
        raise AuditError(
            f"{len(records)} audit record(s) were refused ({str(error).splitlines()[0]}), so the action was not done; "
            "see what runs (xinglin status), migrate the warehouse (make up)"
        ) from error
    return range(first, first + len(records))


def heartbeat(hours: int) -> Record:
    """A record that says only that the log is alive, and within how many hours the next one comes."""
    return Record(Kind.HEARTBEAT, detail={"next_within_hours": hours})


def commitment(salt: bytes, person_key: str) -> str:
    """What stands in a record for a person: HMAC-SHA256 under the person's own salt, 128 bits in hexadecimal.

    Args:
        salt: ``vault.pseudonym.row_salt``, which is destroyed with the person's data; nothing then leads to the person.
        person_key: 32 hexadecimal digits.
    """
    return hmac.new(salt, b"xinglin audit subject:" + person_key.encode(), sha256).hexdigest()[:32]


def _lines(
    records: Iterable[Record], first: int, head: bytes | None, moment: str, keys: AuditKeys, login: str
) -> Iterator[bytes]:
    seal = keys.seal
    mac = keys.mac(seal)
    chain = mac.genesis() if head is None else head
    for seq, record in enumerate(records, first):
        line = canonical(seq, seal, moment, record, login)
        leaf = sha256(b"\x00" + line).digest()  # leaf_hash, without the call
        chain = mac.next(chain, leaf)
        yield b"%b\t\\\\x%b\t\\\\x%b\n" % (line, hexlify(leaf), hexlify(chain))


def _chunks(lines: Iterator[bytes]) -> Iterator[bytes]:
    gathered: list[bytes] = []
    size = 0
    for line in lines:
        gathered.append(line)
        size += len(line)
        if size >= _CHUNK:
            yield b"".join(gathered)
            gathered, size = [], 0
    yield b"".join(gathered)
