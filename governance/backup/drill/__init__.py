"""The restore drill: the warehouse as it was at some moment, restored, examined, timed, signed and reported."""

from governance.backup.drill.evidence import Evidence, read_evidence
from governance.backup.drill.outcomes import Check, State, Step
from governance.backup.drill.running import Drill

__all__ = ["Check", "Drill", "Evidence", "State", "Step", "read_evidence"]
