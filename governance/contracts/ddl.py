"""Landing and vault tables, derived from the contracts.

``landing.<source>_<table>``: one row per accepted source row, with tokens, blind indexes, generalised values and plain
columns. ``vault.<source>_<table>``: one row per accepted source row with at least one ciphertext, same ``_row_id``.
A contract that gains a column gains it in the tables; columns are never dropped here.
"""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from governance.contracts.model import Contract, Field, LogicalType, Protection

_SQL_TYPES = {
    LogicalType.STRING: "text",
    LogicalType.INTEGER: "bigint",
    LogicalType.NUMBER: "numeric",
    LogicalType.DATE: "date",
    LogicalType.TIMESTAMP: "timestamp",
    LogicalType.BOOLEAN: "boolean",
}
SYSTEM_COLUMNS = (("_row_id", "bigint"), ("_batch_id", "integer"), ("_row_number", "integer"), ("_row_hash", "uuid"))


@dataclass(frozen=True)
class Column:
    """One derived column: its name, SQL type, source field and how it is made from the field's value."""

    name: str
    sql_type: str
    field: Field
    made_by: Protection


def landing_columns(contract: Contract) -> list[Column]:
    """Columns of the landing table, in the contract's order, without the system columns."""
    columns = []
    for field in contract.fields:
        for protection in field.protection:
            if protection is Protection.TOKENIZE:
                columns.append(Column(field.name, "uuid", field, protection))
            elif protection in (Protection.KEEP, Protection.SHIFT_DATE):
                columns.append(Column(field.name, _SQL_TYPES[field.logical_type], field, protection))
            elif protection is Protection.BLIND_INDEX:
                columns.append(Column(f"{field.name}_index", "uuid", field, protection))
            elif protection is Protection.GENERALIZE:
                columns.append(Column(f"{field.name}_general", "text", field, protection))
    return columns


def vault_columns(contract: Contract) -> list[Column]:
    """Ciphertext columns of the vault table; empty when the contract encrypts nothing."""
    return [Column(f.name, "bytea", f, Protection.ENCRYPT) for f in contract.fields if f.in_vault]


def table_statements(contract: Contract) -> list[sql.Composed]:
    """Statements that make or widen the contract's tables; safe to repeat."""
    statements = _table("landing", contract, landing_columns(contract), [*SYSTEM_COLUMNS])
    brin = f"{contract.relation}_batch"
    statements.append(
        sql.SQL(
            "create index if not exists {} on landing.{} using brin (_batch_id) with (pages_per_range = 16)"
        ).format(sql.Identifier(brin), sql.Identifier(contract.relation))
    )
    encrypted = vault_columns(contract)
    if encrypted:
        system = [("_row_id", "bigint"), ("_batch_id", "integer"), ("_patient_key", "uuid")]
        statements += _table("vault", contract, encrypted, system)
        for column in ("_row_id", "_patient_key"):
            statements.append(
                sql.SQL("create index if not exists {} on vault.{} ({})").format(
                    sql.Identifier(f"{contract.relation}{column}"),
                    sql.Identifier(contract.relation),
                    sql.Identifier(column),
                )
            )
    return statements


def reference_index(parent: Contract, field: str) -> sql.Composed:
    """Index on a column that other tables refer to."""
    return sql.SQL("create index if not exists {} on landing.{} ({})").format(
        sql.Identifier(f"{parent.relation}_{field}"), sql.Identifier(parent.relation), sql.Identifier(field)
    )


def _table(schema: str, contract: Contract, columns: list[Column], system: list[tuple[str, str]]) -> list[sql.Composed]:
    name = sql.Identifier(schema, contract.relation)
    definitions = [
        *(sql.SQL("{} {}").format(sql.Identifier(c.name), sql.SQL(c.sql_type)) for c in columns),
        *(
            sql.SQL("{} {} {}").format(
                sql.Identifier(n), sql.SQL(t), sql.SQL("" if n == "_patient_key" else "not null")
            )
            for n, t in system
        ),
    ]
    statements = [
        sql.SQL("create table if not exists {} ({})").format(name, sql.SQL(", ").join(definitions)),
        *(
            sql.SQL("alter table {} add column if not exists {} {}").format(
                name, sql.Identifier(c.name), sql.SQL(c.sql_type)
            )
            for c in columns
        ),
        sql.SQL("comment on table {} is {}").format(name, sql.Literal(f"{contract.title}. {contract.description}")),
    ]
    statements += [
        sql.SQL("comment on column {} is {}").format(
            sql.Identifier(schema, contract.relation, c.name),
            sql.Literal(
                f"{c.field.business_name or c.field.physical_name}; GB/T 39725 {c.field.category} L{c.field.level}; "
                f"{c.made_by.value}"
            ),
        )
        for c in columns
    ]
    return statements
