"""What checks share: settings, connections, contracts, keys; made once a run, dear parts only when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from governance.audit import AuditKeys, Kind, Record, append
from governance.contracts import Catalogue, load_catalogue
from governance.database import connect
from governance.errors import DatabaseError
from governance.keys import Keyring, open_keyring
from governance.settings import Settings
from governance.verify.identifiers import Prey, gather
from governance.verify.sources import IdentifierSource, VaultIdentifiers

Query = LiteralString | sql.Composed | sql.SQL


@dataclass
class Context:
    """One verification run.

    Attributes:
        audit_dsn: the role ``audit`` on the database ``warehouse`` (member of pg_read_all_data and pg_monitor).
        canaries: file of planted identifiers, NDJSON with ``type`` and ``value``; hunted everywhere.
        restore: whether the newest backup may be restored to a scratch server.
        not_searched: files and folders below the state folder that hold plain identifiers by purpose, besides the
            deliveries, the keys and the secrets (which are never searched).
        airflow_database: name of Airflow's database on the same server.
    """

    settings: Settings
    audit_dsn: str
    canaries: Path | None = None
    restore: bool = True
    not_searched: tuple[Path, ...] = ()
    airflow_database: str = "airflow"
    identifier_source: IdentifierSource | None = field(default=None, repr=False)

    @contextmanager
    def connection(self, database: str | None = None) -> Iterator[psycopg.Connection]:
        """A read-only connection; row security is off, so that hidden rows are an error and not a gap."""
        dsn = make_conninfo(self.audit_dsn, dbname=database) if database else self.audit_dsn
        with connect(dsn, autocommit=True, application="xinglin verify") as connection:
            connection.execute("set default_transaction_read_only = on")
            connection.execute("set row_security = off")
            connection.execute("set jit = off")
            yield connection

    @cached_property
    def catalogue(self) -> Catalogue:
        """All contracts."""
        return load_catalogue(self.settings.contracts)

    @cached_property
    def keyring(self) -> Keyring:
        """The opened keyring."""
        return open_keyring(self.settings.keyring)

    @cached_property
    def prey(self) -> Prey:
        """Every identifier that must not be found in plain, decrypted in memory; gathered once."""
        if self.identifier_source:
            return gather(self.identifier_source, self.canaries)
        source = VaultIdentifiers(self.connection, self.catalogue, self.keyring.cipher())
        prey = gather(source, self.canaries)
        detail = {"subjects": "all", "tables": source.tables()}
        event = Record(Kind.DECRYPTION, "vault direct identifiers", len(prey.values), purpose="verify", detail=detail)
        with connect(self.audit_dsn, application="xinglin verify") as connection:
            append(connection, [event], AuditKeys.of(self.keyring, self.settings))
        return prey


def value(connection: psycopg.Connection, query: Query, parameters: Any = ()) -> Any:
    """The one value of a query that returns one row.

    Raises:
        DatabaseError: it returned no row.
    """
    row = connection.execute(query, parameters).fetchone()
    if row is None:
        raise DatabaseError("a query of a check returned no row; report this as an error of the program")
    return row[0]


def has_table(connection: psycopg.Connection, schema: str, table: str) -> bool:
    """Whether a table or view exists."""
    found = value(connection, "select to_regclass(format('%%I.%%I', %s::text, %s::text)) is not null", (schema, table))
    return bool(found)


def tables_of(connection: psycopg.Connection, schemas: list[str]) -> list[tuple[str, str]]:
    """Schema and name of every table and materialised view of some schemas."""
    return connection.execute(
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = any(%s) and c.relkind in ('r', 'm', 'p') order by 1, 2",
        (schemas,),
    ).fetchall()


def columns_of(connection: psycopg.Connection, schema: str, table: str) -> list[str]:
    """Columns of a table in their order."""
    rows = connection.execute(
        "select a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n"
        " on n.oid = c.relnamespace where n.nspname = %s and c.relname = %s and a.attnum > 0 and not a.attisdropped"
        " order by a.attnum",
        (schema, table),
    ).fetchall()
    return [row[0] for row in rows]
