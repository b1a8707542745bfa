"""All checks in one place, and running them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg

from anonymization.errors import AnonymizationError
from governance.errors import GovernanceError, VerificationError
from governance.verify import (
    access,
    at_rest,
    audit_log,
    conservation,
    plain,
    restorability,
    traceability,
    withdrawals,
)
from governance.verify.context import Context
from governance.verify.results import Check, CheckResult, State


def checks(only: Sequence[str] = ()) -> list[Check]:
    """The checks, all or by name or family (``rows``, ``plain.logs``).

    Raises:
        VerificationError: a name is neither; the message lists those there are.
    """
    every = [
        *conservation.CHECKS,
        *traceability.CHECKS,
        *plain.CHECKS,
        *restorability.CHECKS,
        *at_rest.CHECKS,
        *withdrawals.CHECKS,
        *access.CHECKS,
        *audit_log.CHECKS,
    ]
    known = {check.name for check in every} | {check.name.split(".")[0] for check in every}
    unknown = [name for name in only if name not in known]
    if unknown:
        raise VerificationError(f"there is no check '{unknown[0]}'; there are: {', '.join(sorted(known))}")
    return [check for check in every if not only or {check.name, check.name.split(".")[0]} & set(only)]


def run_checks(
    context: Context, only: Sequence[str] = (), progress: Callable[[CheckResult], None] = lambda _result: None
) -> list[CheckResult]:
    """Run checks in their order (one that mostly waits runs beside them); each says its result, none stops the others.

    Args:
        progress: called with each result as soon as it stands.

    Raises:
        VerificationError: ``only`` names something that is no check.
    """
    wanted, results = checks(only), []
    with ThreadPoolExecutor(1) as waiting:
        beside = {check.name: waiting.submit(_run, check, context) for check in wanted if check.beside}
        for check in wanted:
            result = beside[check.name].result() if check.beside else _run(check, context)
            progress(result)
            results.append(result)
    return results


def _run(check: Check, context: Context) -> CheckResult:
    started = time.monotonic()
    try:
        outcome = check.function(context)
    except (GovernanceError, AnonymizationError, psycopg.Error, OSError) as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        return CheckResult(check.name, check.title, State.BROKEN, words, (), time.monotonic() - started)
    state = State.FAILED if outcome.findings else State.PASSED if outcome.checked else State.NOT_APPLICABLE
    return CheckResult(check.name, check.title, state, outcome.figures, outcome.findings, time.monotonic() - started)
