"""Scrub the free text of one shard of persons.

A shard is a set of persons (hash of the person key), so that all notes of a person are scrubbed by one task with the
same known identifiers. Work that is done is not repeated: a text is pending when it has no scrubbed form, when its
policy version is another, or when the person it belongs to was linked anew. One transaction a group of persons.
"""

from __future__ import annotations

import itertools
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from anonymization.encryption import FieldCipher, KeyedDigest
from anonymization.policy import DeidentificationPolicy, load_policy
from anonymization.text import DeidentifiedText, Note, PatientNotes, TextDeidentifier
from governance.audit import AuditKeys, Kind, Record, append, commitment
from governance.contracts import Catalogue, Contract, Protection, load_catalogue
from governance.database import connect
from governance.deidentification.known import IdentifierVault, RealNames
from governance.keys import open_keyring
from governance.settings import Settings

_LOG = logging.getLogger(__name__)
_GROUP = 100
NO_PERSON = "person unknown"


@dataclass(frozen=True)
class TextField:
    """A free-text field of a contract, and the landing column that dates it (for dates written without a year)."""

    contract: Contract
    name: str
    dated_by: str | None


@dataclass
class ScrubTally:
    """Counts of one shard; ``entities`` by type, ``seconds`` of wall time."""

    texts: int = 0
    characters: int = 0
    withheld: int = 0
    seconds: float = 0.0
    entities: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Pending:
    text_field: TextField
    row_id: int
    batch_id: int
    patient: str | None
    person: str | None
    dated: date | None
    ciphertext: bytes


def log_progress(tally: ScrubTally) -> None:
    """Say how far a shard is, on the log."""
    counts = (tally.texts, tally.characters, tally.withheld, tally.seconds)
    _LOG.info("%d texts, %d characters, %d withheld, %.0f s", *counts)


def text_fields(catalogue: Catalogue) -> list[TextField]:
    """All fields whose protection is ``scrub`` and whose rows belong to a patient."""
    found = []
    for contract in catalogue.contracts.values():
        dates = [
            f.name
            for f in contract.fields
            if Protection.SHIFT_DATE in f.protection and f.name not in {"birth_date", "death_date"}
        ]
        for f in contract.fields:
            if Protection.SCRUB in f.protection and contract.patient_key:
                found.append(TextField(contract, f.name, dates[-1] if dates else None))
    return found


def count_pending(connection: psycopg.Connection, catalogue: Catalogue, policy_version: str) -> int:
    """Texts that wait to be scrubbed."""
    total = 0
    for text_field in text_fields(catalogue):
        query = sql.SQL("select count(*) {} {}").format(_from(text_field), _where(text_field))
        row = connection.execute(query, {"field": text_field.name, "policy": policy_version}).fetchone()
        total += int(row[0]) if row else 0
    return total


def scrub_shard(
    shard: int,
    shards: int,
    dsn: str,
    settings: Settings,
    run_id: str,
    progress: Callable[[ScrubTally], None] = lambda _tally: None,
) -> ScrubTally:
    """Scrub all pending texts of one shard.

    Args:
        dsn: connection string of the role ``deidentify``.

    Raises:
        DecryptionError: a ciphertext was altered; nothing of its group was written.
    """
    started = time.perf_counter()
    catalogue = load_catalogue(settings.contracts)
    policy = load_policy(settings.policy)
    keyring = open_keyring(settings.keyring)
    cipher, digest = keyring.cipher(), keyring.digest("row_hash", "free_text")
    audit = AuditKeys.of(keyring, settings)
    tally, counts = ScrubTally(), Counter[str]()
    with connect(dsn, application=f"xinglin deidentify {shard}") as connection:
        vault = IdentifierVault(connection, catalogue, cipher)
        is_real = RealNames(connection, catalogue, keyring.blind_indexer())
        worker = TextDeidentifier(policy, keyring.key("pseudonym"), is_real_name=is_real)
        _list_pending(connection, catalogue, policy, shard, shards)
        for persons in _groups(connection):
            pending = _pending(connection, catalogue, persons)
            rows = _scrub(pending, vault, worker, cipher, digest)
            _store(connection, rows, policy.version, run_id)
            append(connection, [_decryption(connection, rows, shard, run_id)], audit)
            connection.commit()
            tally.texts += len(rows)
            tally.characters += sum(row.characters for row in rows)
            tally.withheld += sum(row.result is None for row in rows)
            for row in rows:
                counts.update(row.result.counts if row.result else {})
            tally.seconds, tally.entities = time.perf_counter() - started, dict(counts)
            progress(tally)
    tally.seconds = time.perf_counter() - started
    return tally


@dataclass(frozen=True)
class _Row:
    pending: _Pending
    characters: int
    content_hash: str
    result: DeidentifiedText | None
    withheld: str | None


def _from(text_field: TextField) -> sql.Composed:
    """FROM of a field's texts: ``v`` vault row, ``l`` person link, ``f`` scrubbed form."""
    return sql.SQL(
        "from vault.{} v left join base.person_link l on l.patient_key = v._patient_key"
        " left join deid.free_text f on f.row_id = v._row_id and f.field = %(field)s"
    ).format(sql.Identifier(text_field.contract.relation))


def _where(text_field: TextField) -> sql.Composed:
    """WHERE of those that are pending."""
    return sql.SQL(
        "where v.{} is not null and (f.row_id is null or f.policy_version <> %(policy)s"
        " or f.person_key is distinct from l.person_key)"
    ).format(sql.Identifier(text_field.name))


def _list_pending(
    connection: psycopg.Connection, catalogue: Catalogue, policy: DeidentificationPolicy, shard: int, shards: int
) -> None:
    """List the shard's pending texts in a temporary table; each relation is read once, however many groups follow.

    Texts of nobody known belong to shard 0.
    """
    connection.execute(
        "create temporary table pending"
        " (person_key uuid, patient_key uuid, field_number int, row_id bigint, batch_id int, dated date)"
    )
    for number, text_field in enumerate(text_fields(catalogue)):
        relation = sql.Identifier(text_field.contract.relation)
        dated = landing = sql.Composed([])
        if text_field.dated_by:
            dated = sql.SQL(", d.{}::date").format(sql.Identifier(text_field.dated_by))
            landing = sql.SQL("left join landing.{} d on d._row_id = v._row_id").format(relation)
        query = sql.SQL(
            "insert into pending select l.person_key, v._patient_key, %(number)s, v._row_id, v._batch_id{dated}"
            " {pending_from} {landing} {pending_where} and coalesce("
            "('x' || left(l.person_key::text, 8))::bit(32)::bigint %% %(shards)s, 0) = %(shard)s"
        ).format(dated=dated, pending_from=_from(text_field), landing=landing, pending_where=_where(text_field))
        values = {
            "number": number, "field": text_field.name, "policy": policy.version, "shards": shards, "shard": shard,
        }  # fmt: skip
        connection.execute(query, values)
    connection.execute("create index on pending (person_key)")
    connection.execute("analyze pending")
    connection.commit()


def _groups(connection: psycopg.Connection) -> Iterator[list[str | None]]:
    """Persons with pending texts, in groups; nobody comes last."""
    found = connection.execute("select distinct person_key from pending order by 1 nulls last").fetchall()
    persons = [row[0] and row[0].hex for row in found]
    for start in range(0, len(persons), _GROUP):
        yield persons[start : start + _GROUP]


def _pending(connection: psycopg.Connection, catalogue: Catalogue, persons: Sequence[str | None]) -> list[_Pending]:
    found: list[_Pending] = []
    for number, text_field in enumerate(text_fields(catalogue)):
        query = sql.SQL(
            "select p.row_id, p.batch_id, p.patient_key, p.person_key, p.dated, v.{column}"
            " from pending p join vault.{relation} v on v._row_id = p.row_id where p.field_number = %(number)s"
            " and (p.person_key = any(%(persons)s::uuid[]) or (%(nobody)s and p.person_key is null))"
        ).format(
            column=sql.Identifier(text_field.name),
            relation=sql.Identifier(text_field.contract.relation),
        )
        values = {"number": number, "persons": [p for p in persons if p], "nobody": None in persons}
        for row_id, batch_id, patient, person, day, ciphertext in connection.execute(query, values):
            found.append(
                _Pending(text_field, row_id, batch_id, patient and patient.hex, person and person.hex, day, ciphertext)
            )
    return found


def _scrub(
    pending: list[_Pending], vault: IdentifierVault, worker: TextDeidentifier, cipher: FieldCipher, digest: KeyedDigest
) -> list[_Row]:
    """Scrub the texts of a group of persons; what cannot be scrubbed is withheld, with the reason."""
    pending = sorted(pending, key=lambda p: (p.person or "", p.row_id, p.text_field.name))
    known = vault.of_persons([p for p in {p.person for p in pending} if p])
    shifts = vault.shift_days(list(known))
    rows: list[_Row] = []
    patients: list[PatientNotes] = []
    scrubbed: list[tuple[_Pending, str]] = []
    for person, group in itertools.groupby(pending, key=lambda p: p.person):
        items = [(item, _decrypt(cipher, item)) for item in group]
        if person is None:
            rows += [_row(item, text, digest, None, NO_PERSON) for item, text in items]
            continue
        notes = [Note(str(number), text, item.dated) for number, (item, text) in enumerate(items)]
        patients.append(PatientNotes(notes, known[person], shifts[person]))
        scrubbed += items
    for (item, text), outcome in zip(scrubbed, worker.deidentify_many(patients), strict=True):
        rows.append(_row(item, text, digest, outcome.result, outcome.withheld))
    return rows


def _row(item: _Pending, text: str, digest: KeyedDigest, result: DeidentifiedText | None, withheld: str | None) -> _Row:
    return _Row(item, len(text), digest.one(text.encode()), result, withheld)


def _decrypt(cipher: FieldCipher, item: _Pending) -> str:
    place = f"vault.{item.text_field.contract.relation}.{item.text_field.name}"
    return cipher.decrypt(place, item.ciphertext, item.row_id, item.patient).decode()


def _store(connection: psycopg.Connection, rows: list[_Row], policy_version: str, run_id: str) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into deid.free_text (row_id, field, source, source_table, person_key, text, withheld, entities,"
            " spans, characters, content_hash, policy_version, batch_id, run_id)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (row_id, field) do update set person_key = excluded.person_key, text = excluded.text,"
            " withheld = excluded.withheld, entities = excluded.entities, spans = excluded.spans,"
            " content_hash = excluded.content_hash, policy_version = excluded.policy_version,"
            " run_id = excluded.run_id, scrubbed_at = now()",
            [_values(row, policy_version, run_id) for row in rows],
        )


def _decryption(connection: psycopg.Connection, rows: list[_Row], shard: int, run_id: str) -> Record:
    """The audit record of a group: how many texts of which tables were decrypted, and of whom as commitments."""
    persons = sorted({row.pending.person for row in rows if row.pending.person})
    salts = connection.execute(
        "select person_key, row_salt from vault.pseudonym where person_key = any(%s::uuid[]) order by person_key",
        (persons,),
    ).fetchall()
    tables = Counter(f"vault.{row.pending.text_field.contract.relation}" for row in rows)
    detail = {
        "run": run_id, "shard": shard, "tables": dict(tables),
        "subjects": [commitment(salt.bytes, person.hex) for person, salt in salts],
    }  # fmt: skip
    return Record(Kind.DECRYPTION, "vault free text", len(rows), detail=detail)


def _values(row: _Row, policy_version: str, run_id: str) -> tuple[Any, ...]:
    item, result = row.pending, row.result
    contract = item.text_field.contract
    spans = [[s.start, s.end, s.entity, s.source, s.score] for s in result.spans] if result else []
    return (
        item.row_id, item.text_field.name, contract.source, contract.table, item.person,
        result.text if result else None, row.withheld, json.dumps(dict(result.counts) if result else {}),
        json.dumps(spans), row.characters, row.content_hash, policy_version, item.batch_id, run_id,
    )  # fmt: skip
