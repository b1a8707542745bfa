"""The list of checks, and what a result may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.errors import DatabaseError, VerificationError
from governance.settings import Settings
from governance.verify import Context, State, checks, registry
from governance.verify.results import Check, Outcome

FAMILIES = {"rows", "lineage", "plain", "backup", "server", "access", "audit", "keys"}


def context(tmp_path: Path) -> Context:
    return Context(Settings.from_environment({"XINGLIN_STATE": str(tmp_path)}), "host=127.0.0.1 port=1")


def test_the_families_are_the_promised_ones() -> None:
    names = [check.name for check in checks()]
    assert len(names) == len(set(names)) >= 20
    assert {name.split(".")[0] for name in names} == FAMILIES


def test_a_family_and_a_single_check_can_be_chosen() -> None:
    assert {check.name for check in checks(["lineage", "server.tls"])} == {
        "lineage.columns",
        "lineage.rows",
        "server.tls",
    }


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(VerificationError, match=r"rows\.files"):
        checks(["rows.fiels"])


@pytest.mark.parametrize(
    ("outcome", "state", "holds"),
    [
        (Outcome("", 3), State.PASSED, True),
        (Outcome("", 0), State.NOT_APPLICABLE, True),
        (Outcome("", 3, ("wrong",)), State.FAILED, False),
        (Outcome("", 0, ("wrong",)), State.FAILED, False),
    ],
)
def test_nothing_checked_is_never_passed(tmp_path: Path, outcome: Outcome, state: State, holds: bool) -> None:
    result = registry._run(Check("a.b", "", lambda _context: outcome), context(tmp_path))
    assert (result.state, result.holds) == (state, holds)


def test_a_check_that_cannot_be_carried_out_does_not_hold(tmp_path: Path) -> None:
    def fails(_context: Context) -> Outcome:
        raise DatabaseError("cannot connect")

    result = registry._run(Check("a.b", "", fails), context(tmp_path))
    assert result.state is State.BROKEN
    assert not result.holds
