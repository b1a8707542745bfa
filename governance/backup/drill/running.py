"""One drill: choose the moment, restore a scratch copy, examine it, time it, remove it, sign what was found.

It never touches the warehouse's data: the copy is a server of its own in a scratch folder, and archives nowhere. A
failure on the way is a failed check of the evidence, not an error: what could not be restored is what a drill is for.
"""

from __future__ import annotations

import getpass
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import governance
from governance.backup.adapter import BackupAdapter, BeforeOpening, RestoredCopy, Target
from governance.backup.comparing import Recorded
from governance.backup.contents import TableContent
from governance.backup.drill.audit import audit_log
from governance.backup.drill.choosing import draw
from governance.backup.drill.content import Figures, archiving, live_figures, structure, tables
from governance.backup.drill.evidence import Evidence, good
from governance.backup.drill.outcomes import Check, Step, check
from governance.backup.drill.people import decryption, withdrawn
from governance.backup.scratch import remove_scratch
from governance.backup.withdrawn import withdrawals
from governance.errors import GovernanceError

Progress = Callable[[str], None]


def _silent(_words: str) -> None:
    """Show nothing."""


@dataclass
class Drill:
    """A drill on one place.

    Attributes:
        backups: the adapter; its ``dsn`` is that of the live warehouse, or ``None`` where there is none.
        kind: ``time``, ``latest`` or ``ransomware`` (which also goes as far as the log does).
        time: the moment; drawn if it is not given.
        seed: for drawing the moment and the sample of ciphertexts; made if it is not given.
        notes: for the evidence.
        before_opening: hooks of the restore after the one that repeats withdrawals.
        progress: told in words what is under way.
        figures: of the live warehouse before it was lost, where it is no longer there to be asked.
        lost_at: when it was lost; by default the drill's start is taken for that moment.
        checks: results that were found before, which count with the drill's own.
    """

    backups: BackupAdapter
    run_id: str
    kind: str = "time"
    time: datetime | None = None
    seed: int | None = None
    operator: str = ""
    notes: tuple[str, ...] = ()
    before_opening: tuple[BeforeOpening, ...] = ()
    progress: Progress = _silent
    figures: Mapping[str, TableContent] | None = None
    lost_at: datetime | None = None
    checks: list[Check] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    _began: datetime = field(init=False, repr=False)
    _seed: int = field(init=False, repr=False)
    _dsn: str = field(init=False, repr=False)
    _touched: set[str] = field(init=False, repr=False, default_factory=set)
    _rto: float | None = field(init=False, repr=False, default=None)
    _complete: datetime | None = field(init=False, repr=False, default=None)

    def run(self) -> Evidence:
        """Carry it out; the evidence is not signed yet.

        Raises:
            BackupError: the policy is malformed. Whatever else goes wrong is a failed check.
        """
        limits = self.backups.policy.drill
        self._began = datetime.now(UTC)
        self._seed = self.seed if self.seed is not None else secrets.randbelow(1 << 31)
        restored = None
        earliest, until, target = self._chosen()
        folder = self.backups.settings.state / "tmp" / "drill" / secrets.token_hex(4)
        if target is not None:
            try:
                restored = self._restored(folder, target)
                if restored is not None:
                    self._examine(restored, target, until)
            finally:
                with self._step("清除副本 the copy is removed"):
                    remove_scratch(folder)
        recovered, lost = self._recovered(restored), self.lost_at or self._began
        wanted = target.time if target and target.time else lost if target else None
        proved = self._proved(recovered, until)
        rpo = max((lost - proved).total_seconds(), 0.0) if proved else None
        if restored is not None:
            self.checks += [
                _within("rpo", rpo, limits.rpo_seconds),
                _within("rto", self._rto, limits.rto_seconds),
            ]
        return Evidence.model_validate(
            {
                "drill_id": f"{self._began:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}",
                **{"kind": self.kind, "run_id": self.run_id, "operator": self.operator or getpass.getuser()},
                **{"adapter": self.backups.name, "program": f"xinglin {governance.__version__}"},
                **{"server_version": restored.server_version if restored else None},
                **{"started_at": self._began, "ended_at": datetime.now(UTC)},
                **{"seed": self._seed if self.time is None else None, "target": wanted},
                **{"earliest": earliest, "until": until, "recovered_to": recovered},
                **{"backup_id": restored.backup_id if restored else None, "size": restored.bytes if restored else 0},
                **{"rpo_seconds": rpo, "rto_seconds": self._rto},
                "row_age_seconds": (wanted - recovered).total_seconds() if wanted and recovered else None,
                **{"rpo_limit": limits.rpo_seconds, "rto_limit": limits.rto_seconds},
                **{"steps": self.steps, "checks": self.checks, "notes": self.notes, "passed": good(tuple(self.checks))},
            }
        )

    # -- steps --------------------------------------------------------------------------------------------------

    def _chosen(self) -> tuple[datetime | None, datetime | None, Target | None]:
        """Earliest and latest recoverable moment, and the target, ``None`` if there is none."""
        with self._step("确定可恢复范围与目标时点 what can be restored, and the moment"):
            try:
                ranges, self._complete = self.backups.recoverable(), self.backups.complete_until()
            except GovernanceError as error:
                self.checks.append(check("recoverable", 0, "", [str(error)]))
                return None, None, None
            earliest = min((item.earliest for item in ranges), default=None)
            until = max((item.until for item in ranges), default=None)
            moment = self.time
            if self.kind == "time" and moment is None:
                moment = draw(ranges, self._seed)
            findings = []
            if not ranges:
                findings = ["no moment can be restored: there is no backup, or no archived log that follows one"]
            elif self.kind == "time" and moment is None:
                findings = ["what can be restored is less than a second; wait until the log has been archived"]
            elif moment is not None and not any(item.earliest <= moment <= item.until for item in ranges):
                findings = [f"{moment} is outside what can be restored ({earliest} to {until})"]
            breaks = [
                f"{item.broken_at} of the log is missing: of what follows {item.backup_id}, "
                f"nothing after {item.until} can be restored"
                for item in ranges
                if item.broken_at
            ]
            self.checks.append(check("recoverable", len(ranges), f"{len(ranges)} 段 range(s)", [*findings, *breaks]))
            if findings:
                return earliest, until, None
            return earliest, until, Target(moment) if self.kind == "time" else Target(latest=True)

    def _restored(self, folder: Path, target: Target) -> RestoredCopy | None:
        replay = withdrawals(self.backups.settings)

        def note(dsn: str) -> Collection[str]:
            changed = replay(dsn)
            self._dsn = dsn
            self._touched.update(changed or ())
            return changed or ()

        with self._step("恢复至独立服务器并重放撤回 restore to a scratch server, withdrawals repeated"):
            try:
                restored = self.backups.restore(
                    folder, target=target, before_opening=(note, *self.before_opening), keep=True
                )
            except GovernanceError as error:
                self.checks.append(check("restored", 0, "", [str(error)]))
                return None
        self._rto = self.steps[0].seconds + restored.seconds
        words = f"{restored.backup_id} · {restored.bytes / 1_000_000:,.1f} MB · {restored.seconds:.1f} s"
        self.checks.append(check("restored", 1, words))
        return restored

    def _examine(self, restored: RestoredCopy, target: Target, until: datetime | None) -> None:
        """Every check of the copy; one that cannot be carried out has failed."""
        live, settings = self.backups.dsn, self.backups.settings
        recovered = self._recovered(restored)
        limits = self.backups.policy.drill
        with self._step("核对内容 the content is compared"):
            self._tried("tables", lambda: [tables(restored.comparison, self._unchanged(restored, target))])
        with self._step("检查数据页与索引 pages and indexes are checked"):
            self._tried("structure", lambda: [structure(self._dsn)])
        self.checks.append(_moment(target, recovered, until))
        with self._step("校验审计链 the audit log is verified"):
            self._tried("audit_chain", lambda: audit_log(self._dsn, live, settings, recovered))
        with self._step("抽样解密与撤回核对 a sample is opened; withdrawals are looked for"):
            self._tried("decryption", lambda: [decryption(self._dsn, settings, limits.sample_values, self._seed)])
            self._tried("withdrawn", lambda: [withdrawn(self._dsn, settings)])
            self._tried("archiving", lambda: [archiving(self._dsn)])

    # -- inside -------------------------------------------------------------------------------------------------

    def _unchanged(self, restored: RestoredCopy, target: Target) -> set[str]:
        recorded = self.backups.recorded()
        moment = target.time or self._began
        figures, before = Figures(recorded, self.figures), self._recorded(restored)
        if self.backups.dsn and before and not any(item.started_at > moment for item in recorded):
            figures = replace(figures, live=live_figures(self.backups.dsn, before))
        return figures.unchanged(restored.backup_id, moment, self._touched)

    def _recorded(self, restored: RestoredCopy) -> Recorded | None:
        return next((item for item in self.backups.recorded() if item.backup_id == restored.backup_id), None)

    def _proved(self, recovered: datetime | None, until: datetime | None) -> datetime | None:
        """Before this moment nothing would have been lost: what the archive says, unless the log was replayed."""
        if self.kind == "time" or recovered is None or until is None:
            return self._complete if self.kind == "time" else recovered
        return max(recovered, self._complete or recovered) if recovered >= until else recovered

    def _recovered(self, restored: RestoredCopy | None) -> datetime | None:
        """Newest commit of the copy; without any after the backup, the backup's end, up to which it holds all."""
        if restored is None:
            return None
        recorded = self._recorded(restored)
        return restored.recovered_to or (recorded.ended_at if recorded else None)

    def _tried(self, name: str, look: Callable[[], list[Check]]) -> None:
        try:
            self.checks += look()
        except Exception as error:
            words = str(error).splitlines()[0] if str(error) else ""
            self.checks.append(check(name, 0, "未能检查 could not be checked", [f"{type(error).__name__}: {words}"]))

    @contextmanager
    def _step(self, title: str) -> Iterator[None]:
        self.progress(title)
        began, clock = datetime.now(UTC), time.monotonic()
        try:
            yield
        finally:
            self.steps.append(Step(title=title, started_at=began, seconds=round(time.monotonic() - clock, 3)))


def _within(name: str, seconds: float | None, limit: float) -> Check:
    if seconds is None:
        return check(name, 0, "未测得 not measured")
    findings = [f"{seconds:.1f} s, the policy allows {limit:.0f} s"] if seconds > limit else []
    return check(name, 1, f"{seconds:.1f} s ≤ {limit:.0f} s" if not findings else f"{seconds:.1f} s", findings)


def _moment(target: Target, recovered: datetime | None, until: datetime | None) -> Check:
    if recovered is None:
        return check("moment", 0, "副本的最新事务未知 the copy's newest commit is not known")
    if target.time is None:
        short = until is not None and recovered < until
        findings = [f"the copy ends at {recovered}, the archive promises {until}: its log breaks off"] if short else []
        return check("moment", 1, f"恢复至日志末尾 as far as the log goes: {recovered}", findings)
    age = (target.time - recovered).total_seconds()
    findings = [f"the copy holds a transaction of {recovered}, after the moment"] if age < 0 else []
    return check("moment", 1, f"最新事务早于目标 newest commit {age:.1f} s before the moment", findings)
