"""All warning signs of an installation: look; after each backup remember the figures, open or close incidents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import md5, sha256

import psycopg

from governance.backup.archiver import Status
from governance.backup.drill.recording import close_incident, open_incident
from governance.backup.embedded import EmbeddedBackups
from governance.backup.signs.backups import change_jump, size_jump, stalled, too_old
from governance.backup.signs.model import Sign, SignState, sign
from governance.backup.signs.randomness import folders, randomness, text_columns
from governance.database import connect
from governance.errors import BackupError
from governance.runtime.archiving import ArchiverFiles

_KEPT = 30  # figures of each object that the newest one is held against
_DECOY = sha256(
    "\n".join(
        f"{i}:{md5(f'xinglin decoy {i}'.encode(), usedforsecurity=False).hexdigest()}" for i in range(1, 65)
    ).encode()
).hexdigest()


@dataclass(frozen=True)
class Looked:
    """What was found: the signs, and the figures behind them by sign and object."""

    signs: tuple[Sign, ...]
    figures: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def warnings(self) -> list[Sign]:
        """Signs that warn."""
        return [found for found in self.signs if found.state is SignState.WARNING]


def look(backups: EmbeddedBackups) -> Looked:
    """Look for every sign; those that need the warehouse are not applicable where it does not answer.

    Raises:
        BackupError: the place or the policy cannot be read, or the warehouse's schema is older than this program.
    """
    policy, now, settings = backups.policy, backups.clock(), backups.settings
    listed = backups.backups().backups
    status = Status.read(ArchiverFiles(settings.state).status)
    found = [size_jump(listed, policy.warnings), change_jump(listed, policy.warnings), too_old(listed, policy, now)]
    shares = {"files": folders({"deliveries": settings.deliveries, "contracts": settings.contracts})}
    if backups.dsn is None:
        silent = "数据库不可用 the warehouse does not answer"
        names = ("archive", "text", "files", "decoy")
        return Looked((*found, *(sign(name, [], 0, silent) for name in names)))
    found.append(stalled(status, policy, now, runs=True))
    try:
        with connect(backups.dsn, application="xinglin backup warnings") as connection:
            shares["text"] = text_columns(connection)
            for name in ("text", "files"):
                found.append(randomness(name, shares[name], _earlier(connection, name), policy.warnings))
            found.append(_decoy(connection))
    except psycopg.Error as error:
        raise BackupError(f"warning signs cannot be read ({str(error).splitlines()[0]}); migrate (make up)") from error
    return Looked(tuple(found), shares)


def remember(dsn: str, looked: Looked, by: str) -> None:
    """Keep the figures for later comparisons, and open or close an incident for each sign.

    Figures of a sign that warns are not kept: what is encrypted must not become what is usual.

    Raises:
        BackupError: the warehouse refused it.
    """
    try:
        with connect(dsn, application="xinglin backup") as connection:
            warned = {found.name for found in looked.warnings}
            for name, shares in looked.figures.items():
                for thing, value in shares.items() if name not in warned else ():
                    connection.execute(
                        "insert into governance.sign_figure (sign, object, value) values (%s, %s, %s)"
                        " on conflict do nothing",
                        (name, thing, value),
                    )
            for found in looked.signs:
                if found.state is SignState.WARNING:
                    open_incident(connection, f"sign:{found.name}", found.words, by)
                elif found.state is SignState.QUIET:
                    close_incident(connection, f"sign:{found.name}", by)
    except psycopg.Error as error:
        raise BackupError(f"warning signs cannot be kept ({str(error).splitlines()[0]}); migrate (make up)") from error


def _earlier(connection: psycopg.Connection, name: str) -> dict[str, list[float]]:
    rows = connection.execute(
        "select object, array_agg(value order by measured_at desc) from governance.sign_figure where sign = %s"
        " group by object",
        (name,),
    ).fetchall()
    return {thing: values[:_KEPT] for thing, values in rows}


def _decoy(connection: psycopg.Connection) -> Sign:
    """Whether the decoy table is as the migration made it."""
    row = connection.execute("select to_regclass('governance.decoy') is not null").fetchone()
    if row != (True,):
        return sign("decoy", ["诱饵表不见了 the decoy table is gone"], 1, "")
    row = connection.execute(
        "select encode(sha256(convert_to(coalesce(string_agg(id || ':' || content, e'\\n' order by id), ''), 'UTF8')),"
        " 'hex') from governance.decoy"
    ).fetchone()
    altered = row is None or row[0] != _DECOY
    findings = ["诱饵表内容已变 the decoy table was altered: somebody rewrites tables at large"] if altered else []
    return sign("decoy", findings, 1, "诱饵表未变 the decoy table is as it was")
