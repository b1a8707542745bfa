"""The end of collect: what came is recorded, and it is said which later stages have work to do."""

from __future__ import annotations

from dataclasses import asdict

from governance.collection.horizon import horizon
from governance.collection.loading import Tally
from governance.database import connect
from governance.lifecycle.records import stage_run, stages_behind
from governance.settings import Settings


def announce(dsn: str, settings: Settings, run_id: str, tallies: list[Tally]) -> list[str]:
    """End of collect: record it and say which stages have work to do.

    Args:
        dsn: connection string of the role ``collect``.
        tallies: what each source brought.

    Returns:
        Stages that are behind; empty when there is nothing new anywhere.
    """
    total = Tally()
    for tally in tallies:
        total.add(tally)
    with stage_run(dsn, run_id, "collect", settings) as record:
        record.rows_in, record.rows_out = total.rows_in, total.accepted
        record.withdrawn = total.quarantined + total.withdrawn
        record.details = asdict(total)
        with connect(dsn, autocommit=True) as connection:
            return stages_behind(connection, settings, horizon(connection))
