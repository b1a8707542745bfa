"""Bring the warehouse's schema up to date: zones, governance tables, the tables of all contracts, grants.

Everything is written to be repeated; a run on a current warehouse changes nothing.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import psycopg
from psycopg.types.json import Jsonb

from governance.access.marts import apply as apply_rights
from governance.audit import AuditKeys
from governance.audit.installation import record_migration
from governance.contracts import Catalogue, Contract, load_catalogue
from governance.contracts.ddl import reference_index, table_statements
from governance.database import connect
from governance.errors import DatabaseError
from governance.lineage.collect import contract_edges
from governance.lineage.deidentify import scrubbing_edges
from governance.lineage.store import LineageStore
from governance.settings import Settings

_MIGRATION_LOCK = 7_210_001


def migrate(admin_dsn: str, settings: Settings) -> Catalogue:
    """Apply ``include/sql`` and the contracts' tables in one transaction.

    Returns:
        The catalogue that was applied; its failures are the caller's to report.

    Raises:
        DatabaseError: a statement was refused; nothing was changed.
        AccessError: the rights of the marts cannot be declared or set; nothing was changed.
        AuditError: the audit log refused the record of it; nothing was changed.
        KeyringError: the keyring, with which it is recorded, cannot be opened; nothing was changed.
    """
    catalogue = load_catalogue(settings.contracts)
    scripts = sorted((settings.project / "include" / "sql").glob("*.sql"))
    try:
        with connect(admin_dsn, application="xinglin migrate") as connection:
            connection.execute("set client_min_messages = warning")
            connection.execute("select pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
            for script in scripts:
                if script.name >= "090":
                    _apply_contracts(connection, catalogue)
                _run(connection, script)
            for contract in catalogue.contracts.values():
                _record(connection, contract, settings.contracts)
            LineageStore(connection).replace_columns(
                [
                    *(edge for contract in catalogue.contracts.values() for edge in contract_edges(contract)),
                    *scrubbing_edges(catalogue),
                ]
            )
            apply_rights(connection, settings, AuditKeys.open(settings))
            record_migration(connection, settings, scripts, catalogue)
    except psycopg.Error as error:
        raise DatabaseError(f"the warehouse could not be migrated: {str(error).splitlines()[0]}") from error
    return catalogue


def _run(connection: psycopg.Connection, script: Path) -> None:
    connection.execute(script.read_bytes())


def _apply_contracts(connection: psycopg.Connection, catalogue: Catalogue) -> None:
    for contract in catalogue.contracts.values():
        for statement in table_statements(contract):
            connection.execute(statement)
    for contract in catalogue.contracts.values():
        for field in contract.fields:
            if field.reference:
                parent = catalogue.contracts.get(f"{field.reference.source}.{field.reference.table}")
                if parent is not None:  # else another contract of the parent's source is malformed
                    connection.execute(reference_index(parent, field.reference.field))


def _record(connection: psycopg.Connection, contract: Contract, folder: Path) -> None:
    digest = hashlib.sha256((folder / contract.file).read_bytes()).hexdigest()
    connection.execute(
        "insert into governance.contract (contract_id, version, digest, document) values (%s, %s, %s, %s)"
        " on conflict do nothing",
        (contract.id, contract.version, digest, Jsonb(contract.model_dump(mode="json"))),
    )
