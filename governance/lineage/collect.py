"""Lineage of the collect stage, derived from the contract: which file column becomes which landing or vault column."""

from __future__ import annotations

from openlineage.client.event_v2 import RunEvent

from governance.contracts import Contract, Protection
from governance.contracts.ddl import Column, landing_columns, vault_columns
from governance.lineage.events import DELIVERIES, ColumnSource, Output, job_event
from governance.lineage.store import ColumnEdge

_READABLE = {Protection.KEEP, Protection.SHIFT_DATE}
SYSTEM_COLUMNS = ("_row_id", "_batch_id", "_row_number", "_row_hash")


def collection_events(contract: Contract, run_id: str, rows: int) -> list[RunEvent]:
    """START and COMPLETE of the collection of one table."""
    job = f"collect.{contract.relation}"
    files = contract.delivery.path
    outputs = [Output(f"landing.{contract.relation}", _sources(contract, landing_columns(contract)), rows)]
    if encrypted := vault_columns(contract):
        outputs.append(Output(f"vault.{contract.relation}", _sources(contract, encrypted)))
    return [
        job_event("START", job, run_id, inputs=[(DELIVERIES, files)]),
        job_event("COMPLETE", job, run_id, inputs=[(DELIVERIES, files)], outputs=outputs),
    ]


def contract_edges(contract: Contract) -> list[ColumnEdge]:
    """Column lineage of the landing and vault tables of one contract; the source schema is ``deliveries``."""
    edges: list[ColumnEdge] = []
    for schema, columns in (("landing", landing_columns(contract)), ("vault", vault_columns(contract))):
        edges += [
            (schema, contract.relation, c.name, DELIVERIES, contract.delivery.path, c.field.physical_name, _via(c))
            for c in columns
        ]
    edges += [
        ("landing", contract.relation, name, DELIVERIES, contract.delivery.path, "(line)", "contract:position")
        for name in SYSTEM_COLUMNS
    ]
    return edges


def _sources(contract: Contract, columns: list[Column]) -> dict[str, list[ColumnSource]]:
    return {
        c.name: [
            ColumnSource(
                DELIVERIES,
                contract.delivery.path,
                c.field.physical_name,
                how="identity" if c.made_by in _READABLE else c.made_by.value,
                masking=c.made_by not in _READABLE,
            )
        ]
        for c in columns
    }


def _via(column: Column) -> str:
    return f"contract:{column.made_by.value}"
