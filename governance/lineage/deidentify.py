"""Lineage of the scrubbing step: which vault columns the scrubbed text comes from."""

from __future__ import annotations

from openlineage.client.event_v2 import RunEvent

from governance.contracts import Catalogue, Protection
from governance.lineage.events import WAREHOUSE, ColumnSource, Output, job_event
from governance.lineage.store import ColumnEdge

_FREE_TEXT = "free_text"
_RECORDED = ("row_id", "field", "source", "source_table", "batch_id", "content_hash", "characters")
_MADE = ("withheld", "entities", "spans", "policy_version", "run_id", "scrubbed_at")


def scrubbed_columns(catalogue: Catalogue) -> list[tuple[str, str]]:
    """(relation, column) of every free-text field in the vault."""
    return [
        (c.relation, f.name) for c in catalogue.contracts.values() for f in c.fields if Protection.SCRUB in f.protection
    ]


def scrubbing_events(catalogue: Catalogue, run_id: str) -> list[RunEvent]:
    """START and COMPLETE of the scrubbing of free text."""
    sources = scrubbed_columns(catalogue)
    inputs = sorted({(WAREHOUSE, f"vault.{relation}") for relation, _ in sources})
    text = [ColumnSource(WAREHOUSE, f"vault.{relation}", column, "scrub", masking=True) for relation, column in sources]
    output = Output("deid.free_text", {"text": text})
    return [
        job_event("START", "deidentify.free_text", run_id, inputs=inputs),
        job_event("COMPLETE", "deidentify.free_text", run_id, inputs=inputs, outputs=[output]),
    ]


def scrubbing_edges(catalogue: Catalogue) -> list[ColumnEdge]:
    """Column lineage of ``deid.free_text`` and ``vault.pseudonym``."""
    edges: list[ColumnEdge] = []
    for relation, column in scrubbed_columns(catalogue):
        edges.append(("deid", _FREE_TEXT, "text", "vault", relation, column, "scrub"))
        edges += [("deid", _FREE_TEXT, made, "vault", relation, column, "scrub") for made in _MADE]
        edges += [("deid", _FREE_TEXT, name, "landing", relation, "_row_id", "scrub") for name in _RECORDED]
    edges.append(("deid", _FREE_TEXT, "person_key", "base", "person_link", "person_key", "scrub"))
    edges += [
        ("vault", "pseudonym", column, "base", "person_link", "person_key", "keyed hash")
        for column in ("person_key", "person_id", "row_salt", "date_shift_days")
    ]
    edges += [("vault", "project_salt", column, "", "", "", "keyed hash") for column in ("project", "salt")]
    return edges
