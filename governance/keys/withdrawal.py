"""Withdrawal of a person: the salts are destroyed, the rows removed, a tombstone kept; and what a restore repeats.

Order: tombstones and destruction first (one transaction of the key store), then the warehouse (one transaction, with
its audit record and lineage event), then the note that it is done. Killed at any point, the same command or
``xinglin keys withdraw --resume`` finishes it. Collecting waits meanwhile, and from the tombstones on the gate keeps
the person's rows out.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

import psycopg
from psycopg import sql

from governance.audit import AuditKeys, Kind, Record, append
from governance.collection.stage import SOURCE_LOCK
from governance.contracts import Catalogue, load_catalogue
from governance.database import connect
from governance.errors import KeyringError
from governance.keys.keyring import Keyring
from governance.keys.persons import PersonKeys
from governance.keys.purge import Purged, patients_present, purge
from governance.keys.store import open_keyring
from governance.lineage.events import Output, job_event
from governance.lineage.store import LineageStore
from governance.settings import Settings

_PERSON_OF = "select patient_key from base.person_link where person_key in (select person_key from base.person_link"


class Reason(StrEnum):
    """Why a person's data are destroyed; a code, never words about the person."""

    CONSENT_WITHDRAWN = "consent_withdrawn"
    ERASURE_REQUEST = "erasure_request"
    COLLECTED_IN_ERROR = "collected_in_error"


@dataclass(frozen=True)
class Withdrawal:
    """What a withdrawal did.

    Attributes:
        patients: patient keys that were withdrawn.
        purged: rows removed from the warehouse.
        running: stages that ran meanwhile and may have written rows of the person again; finish with ``--resume``.
    """

    patients: int
    purged: Purged
    running: tuple[str, ...] = ()


def person_of_number(dsn: str, settings: Settings, source: str, number: str) -> set[str]:
    """All patient keys of the person who has a number in a source system.

    Raises:
        KeyringError: the source is not known, what was collected is not linked yet, or nobody has that number. The
            message never holds the number.
    """
    catalogue, keyring = load_catalogue(settings.contracts), open_keyring(settings.keyring)
    contracts = [contract for contract in catalogue.of_source(source) if contract.patient_key]
    if not contracts:
        raise KeyringError(f"no source '{source}' with patients; there are: {', '.join(sorted(catalogue.sources))}")
    domains = {contract.field(contract.patient_key or "").token_domain or "" for contract in contracts}
    tokens = {keyring.tokeniser().tokens(domain, [number])[0] for domain in domains}
    with connect(dsn, application="xinglin keys withdraw") as connection:
        _must_be_linked(connection)
        linked = connection.execute(_PERSON_OF + " where patient_key = any(%s::uuid[]))", (list(tokens),)).fetchall()
    if not linked:
        raise KeyringError(
            f"nobody in the warehouse has this number in '{source}'; check number and source (leading zeros count)"
        )
    return {row[0].hex for row in linked}


def person_of_research_id(dsn: str, research_id: uuid.UUID) -> set[str]:
    """All patient keys of the person who has a research id in a mart.

    Raises:
        KeyringError: what was collected is not linked yet, or no person has that id.
    """
    with connect(dsn, application="xinglin keys withdraw") as connection:
        _must_be_linked(connection)
        linked = connection.execute(
            _PERSON_OF + " join vault.pseudonym p using (person_key) cross join vault.project_salt s"
            " where md5(p.person_id::text || s.salt::text)::uuid = %s)",
            (research_id,),
        ).fetchall()
    if not linked:
        raise KeyringError("no person has this research id; check it, and that it is of this installation")
    return {row[0].hex for row in linked}


def withdraw(dsn: str, settings: Settings, patients: Collection[str], reason: Reason, actor: str) -> Withdrawal:
    """Destroy the keys of a person's patient keys and remove the rows; repeated, it finishes what was begun.

    Args:
        dsn: connection string of the role ``admin``.
        patients: all patient keys of the person, from :func:`person_of_number` or :func:`person_of_research_id`.
        actor: who withdraws, a login.

    Raises:
        KeyringError: the key store cannot be written; nothing was changed.
        DatabaseError, AuditError: the warehouse refused; the keys are destroyed already. Run ``--resume``.
    """
    keyring, catalogue = open_keyring(settings.keyring), load_catalogue(settings.contracts)
    store, number = _store(keyring), uuid.uuid4().hex
    with connect(dsn, autocommit=True, application="xinglin keys withdraw") as connection:
        _keep_collecting_out(connection, catalogue)
        stones = store.destroy(patients, number, reason, actor)
        purged = _purge(connection, catalogue, keyring, settings, patients, f"withdraw__{number}", reason, actor)
        store.finish(stones)
        running = _running(connection)
        _vacuum(connection, purged)
    return Withdrawal(len(patients), purged, running)


def resume(dsn: str, settings: Settings, actor: str) -> Withdrawal:
    """Remove every row that the warehouse holds of any withdrawn person; errors as in :func:`withdraw`."""
    keyring, catalogue = open_keyring(settings.keyring), load_catalogue(settings.contracts)
    store, run_id = _store(keyring), f"withdraw__{uuid.uuid4().hex}"
    with connect(dsn, autocommit=True, application="xinglin keys withdraw") as connection:
        _keep_collecting_out(connection, catalogue)
        stones = [stone.token_hash for stone in store.tombstones()]
        patients = store.withdrawn(patients_present(connection, catalogue))
        purged = Purged()
        if patients:
            purged = _purge(connection, catalogue, keyring, settings, patients, run_id, "resumed", actor)
        store.finish(stones)
        running = _running(connection)
        _vacuum(connection, purged)
    return Withdrawal(len(patients), purged, running)


def replay_tombstones(dsn: str, settings: Settings) -> Purged:
    """Remove from a restored copy every row of persons who have withdrawn since; to be called before it is opened.

    The key store is the present one, not one of the backup's time: it has no salts of those persons, and knows them by
    their tombstones. Nothing is written to the copy's audit log, which is the original's.

    Args:
        dsn: the copy, as superuser.

    Raises:
        KeyringError: the keyring or the key store cannot be read; the copy must not be opened.
    """
    keyring, catalogue = open_keyring(settings.keyring), load_catalogue(settings.contracts)
    store = _store(keyring)
    if not store.tombstones():
        return Purged()
    with connect(dsn, autocommit=True, application="xinglin restore") as connection:
        _bring_up(connection)
        patients = store.withdrawn(patients_present(connection, catalogue))
        with connection.transaction():
            purged = purge(connection, catalogue, patients)
        _vacuum(connection, purged)
    return purged


def tombstones_in_audit(connection: psycopg.Connection) -> list[bytes]:
    """Token hashes of all withdrawals that the audit log knows: what a lost key store forgot."""
    rows = connection.execute("select detail from audit.record where kind = 'withdrawal' order by seq")
    return [bytes.fromhex(stone) for (detail,) in rows for stone in detail["tombstones"]]


def _store(keyring: Keyring) -> PersonKeys:
    if keyring.persons is None:
        raise KeyringError("this keyring was not opened from a file, so it has no key store; nothing was changed")
    return keyring.persons


def _must_be_linked(connection: psycopg.Connection) -> None:
    """Linkage must know every patient number that landing holds, else some of the person's would be left."""
    row = connection.execute(
        "select to_regclass('base.person_link') is not null and coalesce((select max(batch_id) from governance.batch"
        " where accepted > 0), 0) <= coalesce((select batch_id from governance.watermark where stage = 'standardize'),"
        " 0)"
    ).fetchone()
    if row != (True,):
        raise KeyringError(
            "some batches are collected and not linked to persons yet, so not all numbers of the person are known; "
            "let `standardize` run first, then withdraw. Nothing was changed"
        )


def _keep_collecting_out(connection: psycopg.Connection, catalogue: Catalogue) -> None:
    for source in sorted(catalogue.sources):
        connection.execute("select pg_advisory_lock(%s, hashtext(%s))", (SOURCE_LOCK, source))


def _purge(
    connection: psycopg.Connection,
    catalogue: Catalogue,
    keyring: Keyring,
    settings: Settings,
    patients: Collection[str],
    run_id: str,
    reason: str,
    actor: str,
) -> Purged:
    stones = sorted(_store(keyring).hash_of(patient).hex() for patient in patients)
    with connection.transaction():
        purged = purge(connection, catalogue, patients)
        tables = [Output(table) for table in sorted(purged.rows)]
        LineageStore(connection).emit(
            [job_event("START", "withdraw", run_id), job_event("COMPLETE", "withdraw", run_id, outputs=tables)]
        )
        detail = {"run": run_id, "reason": reason, "by": actor, "tombstones": stones, "rows": purged.rows}
        append(
            connection,
            [Record(Kind.WITHDRAWAL, "person", purged.total, detail=detail)],
            AuditKeys.of(keyring, settings),
        )
    return purged


def _running(connection: psycopg.Connection) -> tuple[str, ...]:
    """Stages that have begun and not ended; one that was killed shows here until it has run again."""
    rows = connection.execute("select distinct stage from governance.stage_run where state = 'running' order by 1")
    return tuple(row[0] for row in rows)


def _bring_up(connection: psycopg.Connection) -> None:
    """Give a copy from an older program the columns that counting needs."""
    connection.execute(
        "alter table governance.batch add column if not exists withdrawn integer not null default 0,"
        " drop constraint if exists batch_check, drop constraint if exists batch_conserves,"
        " add constraint batch_conserves check (rows_in = accepted + quarantined + withdrawn)"
    )
    connection.execute("alter table quarantine.row add column if not exists patient_key uuid")


def _vacuum(connection: psycopg.Connection, purged: Purged) -> None:
    """Let PostgreSQL reclaim the removed rows and their index entries now rather than some day."""
    for table in purged.rows:
        connection.execute(sql.SQL("vacuum {}").format(sql.Identifier(*table.split("."))))
