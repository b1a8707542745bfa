"""Removing a withdrawn person's rows from a warehouse, in one transaction, with every row counted.

Which tables hold rows of persons is read from the contracts (``landing``, ``vault``) and from the columns that tables
have: ``patient_key`` or ``person_key`` in what dbt keeps, ``person_id`` in ``deid`` and ``held_back``, ``research_id``
in the marts.
Batches keep their balance: a row that leaves landing or quarantine is counted as withdrawn in ``governance.batch``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from governance.contracts import Catalogue
from governance.contracts.ddl import vault_columns

_PREPARE = """
    create temporary table withdrawn_patient (patient_key uuid primary key) on commit drop;
    create temporary table withdrawn_person (person_key uuid primary key) on commit drop;
    create temporary table withdrawn_id (person_id uuid primary key) on commit drop;
    create temporary table withdrawn_research (research_id uuid primary key) on commit drop;
    create temporary table withdrawn_row (batch_id integer, row_id bigint, was_accepted boolean) on commit drop;
    set local row_security = off"""
_HAVE_COLUMN = """
    select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attname = %s and not a.attisdropped
    where n.nspname = any(%s) and c.relkind in ('r', 'p') order by 1, 2"""
_SETTLE_BATCHES = """
    update governance.batch as b
    set accepted = b.accepted - gone.accepted, quarantined = b.quarantined - gone.quarantined,
        withdrawn = b.withdrawn + gone.accepted + gone.quarantined
    from (
        select batch_id, count(*) filter (where was_accepted) as accepted,
            count(*) filter (where not was_accepted) as quarantined
        from withdrawn_row group by batch_id
    ) as gone
    where gone.batch_id = b.batch_id"""
_STAGES = ("deidentify", "publish", "back_up")  # what they hold in sums, and the newest backup, is now behind


@dataclass
class Purged:
    """What was removed.

    Attributes:
        rows: rows by table, ``schema.table``.
        rebuild: a person of the warehouse had other patient numbers too, which stay: the model must be built anew.
    """

    rows: dict[str, int] = field(default_factory=dict)
    rebuild: bool = False

    @property
    def total(self) -> int:
        """Rows in all tables together."""
        return sum(self.rows.values())

    def add(self, table: str, count: int) -> None:
        """Count rows of a table."""
        if count:
            self.rows[table] = self.rows.get(table, 0) + count


def purge(connection: psycopg.Connection, catalogue: Catalogue, patients: Collection[str]) -> Purged:
    """Remove all rows of some patient keys, in the connection's transaction.

    Args:
        connection: of the role ``admin`` or of a superuser, in a transaction that the caller commits.
        patients: patient keys in hexadecimal; all those of each person, as far as they are known.
    """
    purged = Purged()
    connection.execute(_PREPARE)
    connection.execute("insert into withdrawn_patient select unnest(%s::uuid[])", (list(patients),))
    _list_persons(connection, purged)
    _delivered(connection, catalogue, purged)
    _marts(connection, purged)
    _deidentified(connection, purged)
    for schema, table in _tables(connection, "patient_key", "base", "intermediate"):
        _delete(connection, schema, table, "patient_key in (select patient_key from withdrawn_patient)", purged)
    keyed = set(_tables(connection, "patient_key", "base", "intermediate"))
    for schema, table in _tables(connection, "person_key", "base", "intermediate"):
        if (schema, table) not in keyed:
            _delete(connection, schema, table, "person_key in (select person_key from withdrawn_person)", purged)
    _delete(connection, "vault", "pseudonym", "person_key in (select person_key from withdrawn_person)", purged)
    connection.execute(_SETTLE_BATCHES)
    if purged.total:
        connection.execute(
            "update governance.watermark set batch_id = batch_id - 1 where stage = any(%s)", (list(_STAGES),)
        )
    if purged.rebuild:
        connection.execute("update governance.watermark set fingerprint = '' where stage = 'standardize'")
    return purged


def patients_present(connection: psycopg.Connection, catalogue: Catalogue) -> list[str]:
    """Every patient key of which the warehouse holds a row, in hexadecimal."""
    places = [("quarantine", "row", "patient_key")]
    for contract in catalogue.contracts.values():
        if contract.patient_key:
            places.append(("landing", contract.relation, contract.patient_key))
            if vault_columns(contract):
                places.append(("vault", contract.relation, "_patient_key"))
    places += [(s, t, "patient_key") for s, t in _tables(connection, "patient_key", "base", "intermediate")]
    union = sql.SQL(" union ").join(
        sql.SQL("select {column} from {table} where {column} is not null").format(
            column=sql.Identifier(column), table=sql.Identifier(schema, table)
        )
        for schema, table, column in places
    )
    return [row[0].hex for row in connection.execute(union)]


def _list_persons(connection: psycopg.Connection, purged: Purged) -> None:
    if connection.execute("select to_regclass('base.person_link')").fetchone() == (None,):
        return
    connection.execute(
        "insert into withdrawn_person select distinct l.person_key from base.person_link l"
        " join withdrawn_patient w on w.patient_key = l.patient_key"
    )
    mixed = connection.execute(
        "select exists (select 1 from base.person_link l join withdrawn_person p on p.person_key = l.person_key"
        " where l.patient_key not in (select patient_key from withdrawn_patient))"
    ).fetchone()
    purged.rebuild = mixed == (True,)
    connection.execute(
        "insert into withdrawn_id select p.person_id from vault.pseudonym p join withdrawn_person w"
        " on w.person_key = p.person_key"
    )
    connection.execute(  # as dbt's macro research_id makes them
        "insert into withdrawn_research select md5(w.person_id::text || s.salt::text)::uuid"
        " from withdrawn_id w cross join vault.project_salt s"
    )


def _delivered(connection: psycopg.Connection, catalogue: Catalogue, purged: Purged) -> None:
    """Rows of landing, vault and quarantine; those of the first and the last are noted by batch."""
    for contract in catalogue.contracts.values():
        if not contract.patient_key:
            continue
        count = connection.execute(
            sql.SQL(
                "with gone as (delete from {} where {} in (select patient_key from withdrawn_patient)"
                " returning _batch_id, _row_id) insert into withdrawn_row select _batch_id, _row_id, true from gone"
            ).format(sql.Identifier("landing", contract.relation), sql.Identifier(contract.patient_key))
        ).rowcount
        purged.add(f"landing.{contract.relation}", count)
        if vault_columns(contract):
            own = "_patient_key in (select patient_key from withdrawn_patient)"
            _delete(connection, "vault", contract.relation, own, purged)
    refused = connection.execute(
        "with gone as (delete from quarantine.row where patient_key in (select patient_key from withdrawn_patient)"
        " returning batch_id, row_number) insert into withdrawn_row select batch_id, row_number, false from gone"
    ).rowcount
    purged.add("quarantine.row", refused)


def _marts(connection: psycopg.Connection, purged: Purged) -> None:
    # Marts force row security: the administrator passes by their policy for services; keys.withdrawn proves the result.
    connection.execute("set local row_security = on")
    lineage = {table for _, table in _tables(connection, "lineage_id", "lineage")}
    for schema, table in _tables(connection, "research_id", "specialty", "research", "open_data"):
        own = "research_id in (select research_id from withdrawn_research)"
        if f"{schema}__{table}" in lineage:
            ids = sql.SQL("lineage_id in (select lineage_id from {} where " + own + ")").format(  # noqa: S608 - ours
                sql.Identifier(schema, table)
            )
            _delete(connection, "lineage", f"{schema}__{table}", ids, purged)
        _delete(connection, schema, table, own, purged)
    connection.execute("set local row_security = off")


def _deidentified(connection: psycopg.Connection, purged: Purged) -> None:
    own = "person_id in (select person_id from withdrawn_id)"
    sums = connection.execute("select to_regclass('deid.withheld')").fetchone() != (None,)
    with_reason = set(_tables(connection, "text_withheld", "deid"))
    for schema, table in _tables(connection, "person_id", "deid", "held_back"):
        if sums and (schema, table) in with_reason:
            query = sql.SQL(
                "select text_withheld, count(*) from {} where text_withheld is not null and {} group by 1"
            ).format(sql.Identifier(schema, table), sql.SQL(own))
            for reason, count in connection.execute(query).fetchall():
                _less_withheld(connection, f"{table}.text", reason, count)
        count = _delete(connection, schema, table, own, purged)
        if sums and schema == "held_back":
            _less_withheld(connection, table, "restricted_disease", count)
    texts = "person_key in (select person_key from withdrawn_person) or row_id in (select row_id from withdrawn_row)"
    _delete(connection, "deid", "free_text", texts, purged)


def _less_withheld(connection: psycopg.Connection, table: str, reason: str, count: int) -> None:
    if count:
        connection.execute(
            "update deid.withheld set rows = rows - %s where table_name = %s and reason = %s", (count, table, reason)
        )


def _tables(connection: psycopg.Connection, column: str, *schemas: str) -> list[tuple[str, str]]:
    return connection.execute(_HAVE_COLUMN, (column, list(schemas))).fetchall()


def _delete(
    connection: psycopg.Connection, schema: str, table: str, condition: str | sql.Composed, purged: Purged
) -> int:
    where = sql.SQL(condition) if isinstance(condition, str) else condition
    statement = sql.SQL("delete from {} where {}").format(sql.Identifier(schema, table), where)
    count = connection.execute(statement).rowcount
    purged.add(f"{schema}.{table}", count)
    return count
