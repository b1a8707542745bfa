"""What changes the installation itself: migrations with their grants, and new keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import psycopg

from governance.audit.chain import AuditKeys
from governance.audit.encoding import Kind, Record
from governance.audit.log import append, heartbeat
from governance.contracts import Catalogue
from governance.keys import Keyring, open_keyring
from governance.settings import Settings

_GRANTS = """
    select count(*), coalesce(encode(sha256(convert_to(string_agg(line, e'\n' order by line collate "C"), 'UTF8')),
        'hex'), '')
    from (
        select concat_ws(' ', n.nspname, c.relname, a.grantee::regrole, a.privilege_type, a.is_grantable) as line
        from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
        cross join lateral aclexplode(c.relacl) as a
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and a.grantee <> c.relowner
        union all
        select concat_ws(' ', n.nspname, c.relname, t.attname, a.grantee::regrole, a.privilege_type, a.is_grantable)
        from pg_attribute as t inner join pg_class as c on c.oid = t.attrelid
        inner join pg_namespace as n on n.oid = c.relnamespace
        cross join lateral aclexplode(t.attacl) as a
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        union all
        select concat_ws(' ', n.nspname, a.grantee::regrole, a.privilege_type, a.is_grantable)
        from pg_namespace as n cross join lateral aclexplode(n.nspacl) as a
        where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
        union all
        select concat_ws(' ', r.rolname, m.rolname)
        from pg_auth_members as a
        inner join pg_roles as r on r.oid = a.roleid inner join pg_roles as m on m.oid = a.member
    ) as entry"""


def record_migration(
    connection: psycopg.Connection, settings: Settings, scripts: Sequence[Path], catalogue: Catalogue
) -> None:
    """Append what a migration applied, the grants that hold now, keys not yet known, and a heartbeat.

    A migration and grants that were recorded already, just so, are not recorded again.

    Args:
        connection: the owner of the schemas, in the migration's transaction.

    Raises:
        AuditError: the log refused; the migration must not be committed.
    """
    keyring = open_keyring(settings.keyring)
    digest = hashlib.sha256(b"".join(script.read_bytes() for script in scripts)).hexdigest()
    contracts = {contract.id: contract.version for contract in catalogue.contracts.values()}
    row = connection.execute(_GRANTS).fetchone()
    count, grants = row or (0, "")
    events = [
        Record(Kind.MIGRATION, "include/sql", len(scripts), detail={"sha256": digest, "contracts": contracts}),
        Record(Kind.GRANT, "database", count, detail={"sha256": grants}),
        *_keys(keyring),
    ]
    news = [event for event in events if not _is_last(connection, event)]
    append(connection, [*news, heartbeat(settings.audit_heartbeat_hours)], AuditKeys.of(keyring, settings))


def _keys(keyring: Keyring) -> Iterable[Record]:
    for purpose, versions in sorted(keyring.keys.items()):
        for version in sorted(versions):
            yield Record(Kind.KEY, f"key:{purpose}/{version}", detail={"event": "in the keyring"})
    yield Record(Kind.KEY, "key:backup", detail={"event": "in the keyring", "recipient": keyring.backup_recipient})


def _is_last(connection: psycopg.Connection, event: Record) -> bool:
    """Whether the newest record of this kind and object says the same."""
    row = connection.execute(
        "select detail, count from audit.record where kind = %s and object = %s order by seq desc limit 1",
        (event.kind.value, event.object),
    ).fetchone()
    return row is not None and row == (dict(event.detail), event.count)
