"""Proofs on the running system: nothing lost, nothing in plain, everything traceable, the backup restores."""

from governance.verify.context import Context
from governance.verify.registry import checks, run_checks
from governance.verify.results import CheckResult, State

__all__ = ["CheckResult", "Context", "State", "checks", "run_checks"]
