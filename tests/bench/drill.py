"""RPO and RTO as restore drills measure them, on a state that is there; nothing is changed or recorded."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from governance.backup.drill import Drill
from governance.backup.embedded import EmbeddedBackups
from governance.database import Role, connection_string
from governance.settings import Settings
from tests.bench.measure import Results


def measure_drills(results: Results, state: Path, times: int = 3) -> None:
    """Drills as far as the log goes, and to random moments.

    Args:
        state: a state folder whose servers run, with backups and an archived log.
    """
    settings = Settings.from_environment({"XINGLIN_STATE": str(state)})
    backups = EmbeddedBackups.of(settings, connection_string(Role.BACKUP, settings.state))
    for kind in ("latest", "time"):
        done = [Drill(backups, "bench", kind, seed=number).run() for number in range(times)]
        failed = {check.name for evidence in done for check in evidence.failures}
        rpo = [evidence.rpo_seconds for evidence in done if evidence.rpo_seconds is not None]
        rto = [evidence.rto_seconds for evidence in done if evidence.rto_seconds is not None]
        assert rpo and rto, failed
        note = f"{done[-1].size / 1e6:,.0f} MB, {times} drills"
        note += f"; FAILED: {', '.join(sorted(failed))}" if failed else ""
        whole = median((evidence.ended_at - evidence.started_at).total_seconds() for evidence in done)
        results.add("drill", f"{kind}: RPO, greatest", max(rpo), "s", "< 60", note)
        results.add("drill", f"{kind}: RTO, greatest", max(rto), "s", "< 120", note)
        results.add("drill", f"{kind}: the whole drill with every check, median", whole, "s", "", note)
