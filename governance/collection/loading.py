"""Loading: one transaction a batch, with COPY; a batch that is there already is skipped by its content hash.

Killed at any point, a load leaves whole batches and nothing else; run again, it goes on where it stopped. Batch ids are
drawn while a shared advisory lock is held, so that :mod:`governance.collection.horizon` can name a batch up to which
nothing is still under way: what reads landing in steps never misses a late commit.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from typing import Literal

import numpy as np
import polars as pl
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from governance.audit import AuditKeys, Kind, Record, append
from governance.collection.formats import READERS
from governance.collection.gate import Gate, hospital_now
from governance.collection.horizon import LANDING_LOCK
from governance.collection.protection import Protector, row_ids
from governance.collection.records import Batch, DeliveredFile, Judged
from governance.collection.references import References
from governance.collection.uniqueness import SeenKeys
from governance.contracts import Contract, Protection
from governance.errors import CollectionError
from governance.keys import Keyring
from governance.settings import Settings

_COPIED_AT_ONCE = 5_000  # rows
_COPY_REFUSED = (
    "copy quarantine.row (batch_id, row_number, source, source_table, rule_ids, payload, patient_key) from stdin"
)
_Refusal = tuple[int, bytes, list[str], str | None]  # line, bytes, rule ids, patient key


@dataclass
class Tally:
    """Counts of what a file or a source brought. Rows unless said otherwise."""

    files: int = 0
    batches: int = 0
    rows_in: int = 0
    accepted: int = 0
    quarantined: int = 0
    withdrawn: int = 0
    skipped: int = 0
    encrypted_values: int = 0
    tokenised_values: int = 0
    rules: dict[str, int] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Add another tally to this one."""
        for name in ("files", "batches", "rows_in", "accepted", "quarantined", "withdrawn", "skipped"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.encrypted_values += other.encrypted_values
        self.tokenised_values += other.tokenised_values
        for rule, rows in other.rules.items():
            self.rules[rule] = self.rules.get(rule, 0) + rows


class FileLoader:
    """Loads the files of one contract.

    Args:
        connection: autocommit connection of the role ``collect``.
    """

    def __init__(
        self, connection: psycopg.Connection, contract: Contract, keyring: Keyring, settings: Settings, run_id: str
    ) -> None:
        self._connection, self._run_id, self._settings = connection, run_id, settings
        self._contract = contract
        self._generalizes = any(Protection.GENERALIZE in f.protection for f in contract.fields)
        self._gate = Gate(contract, settings.reference, hospital_now)
        self._protector = Protector(contract, keyring)
        self._references = References(contract)
        self._quarantine = keyring.cipher("quarantine")
        self._digest = keyring.digest("row_hash", f"batch:{contract.id}")
        self._audit = AuditKeys.of(keyring, settings)

    def load(self, file: DeliveredFile) -> Tally:
        """Load one file; a file that was loaded with the same content is skipped whole.

        Raises:
            CollectionError: the file cannot be read under its contract; what was loaded of it stays, and is recorded.
        """
        content_hash, size = self._file_hash(file)
        if self._already_loaded(file, content_hash):
            return Tally()
        tally = Tally(files=1)
        reader = READERS[self._contract.delivery.format](file, self._settings.batch_rows, self._digest)
        seen = SeenKeys()
        try:
            for judged in _ahead(self._judged(batch, seen) for batch in reader.batches()):
                tally.add(self._loaded(file, judged))
        except CollectionError as error:
            rows = tally.rows_in + tally.skipped
            self._record_file(file, content_hash, size=size, state="refused", rows=rows, message=str(error))
            raise
        rows, message = tally.rows_in + tally.skipped, "; ".join(reader.warnings)
        self._record_file(file, content_hash, size=size, state="loaded", rows=rows, message=message)
        return tally

    def _judged(self, batch: Batch, seen: SeenKeys) -> Judged:
        """What needs no warehouse; runs in a thread while the batch before is written."""
        tokens = self._protector.tokens(batch.frame)
        withdrawn = self._protector.withdrawn(tokens)
        if withdrawn is not None:
            batch = batch.without(withdrawn)
            tokens = {name: series.filter(pl.Series(~withdrawn)) for name, series in tokens.items()}
        judged = Judged(batch, self._gate.judge(batch, seen), tokens, self._protector.hashes(batch))
        self._protector.make_keys(judged)
        return judged

    def _loaded(self, file: DeliveredFile, judged: Judged) -> Tally:
        try:
            return self._batch(file, judged)
        except psycopg.DataError as error:
            # not chained: the database's message quotes the value
            raise CollectionError(
                f"{file.name} ({self._contract.id}): the warehouse refused a value of the batch that begins at line "
                f"{judged.batch.first_line} (SQLSTATE {error.sqlstate}); give the contract a narrower format or bounds"
            ) from None

    def _batch(self, file: DeliveredFile, judged: Judged) -> Tally:
        batch, judgement = judged.batch, judged.judgement
        earlier = self._connection.execute(
            "select batch_id from governance.batch where source = %s and source_table = %s and content_hash = %s",
            (self._contract.source, self._contract.table, batch.content_hash),
        ).fetchone()
        if earlier is not None:
            return self._skip(file, batch, earlier[0])
        started = time.perf_counter()
        with self._connection.transaction():
            self._connection.execute("select pg_advisory_xact_lock_shared(%s)", (LANDING_LOCK,))
            row = self._connection.execute("select nextval('governance.batch_id_seq')").fetchone()
            batch_id = int(row[0]) if row else 0
            self._add_orphans(judged)
            keep = ~judgement.failed
            protected = self._protector.protect(judged, keep, batch_id)
            tally = Tally(
                batches=1,
                rows_in=batch.rows_in,
                accepted=int(keep.sum()),
                quarantined=batch.rows_in - batch.withdrawn - int(keep.sum()),
                withdrawn=batch.withdrawn,
                encrypted_values=protected.encrypted_values,
                tokenised_values=protected.tokenised_values,
                rules=dict(judgement.counts),
            )
            for refused in batch.refused:
                tally.rules[refused.rule] = tally.rules.get(refused.rule, 0) + 1
            quotes: Literal["necessary", "never"] = "never" if batch.plain and not self._generalizes else "necessary"
            _copy(self._connection, "landing", self._contract.relation, protected.landing, quotes)
            if protected.vault is not None and protected.vault.height:
                _copy(self._connection, "vault", self._contract.relation, protected.vault, "necessary")
            self._record_batch(file, batch, batch_id, tally, time.perf_counter() - started)
            self._quarantine_rows(judged, batch_id)
            append(self._connection, [self._event(batch_id, tally)], self._audit)
        return tally

    def _event(self, batch_id: int, tally: Tally) -> Record:
        detail = {
            "run": self._run_id, "batch": batch_id, "accepted": tally.accepted, "quarantined": tally.quarantined,
            "withdrawn": tally.withdrawn, "encrypted_values": tally.encrypted_values,
            "contract": self._contract.version,
        }  # fmt: skip
        return Record(Kind.COLLECTION, f"landing.{self._contract.relation}", tally.rows_in, detail=detail)

    def _add_orphans(self, judged: Judged) -> None:
        judgement = judged.judgement
        for rule_id, mask in self._references.orphans(self._connection, judged.tokens, judged.batch.frame).items():
            judgement.counts[rule_id] = int(mask.sum())
            judgement.failed |= mask
            for row in np.flatnonzero(mask).tolist():
                judgement.reasons.setdefault(row, []).append(rule_id)

    def _skip(self, file: DeliveredFile, batch: Batch, batch_id: int) -> Tally:
        """The batch is loaded already: from this very place (a repeated run) or from another file (a redelivery)."""
        self._connection.execute(
            "insert into governance.batch_skipped"
            " (source, source_table, file, first_line, rows_in, batch_id, run_id)"
            " select %(source)s, %(table)s, %(file)s, %(line)s, %(rows)s, b.batch_id, %(run)s from governance.batch b"
            " where b.batch_id = %(batch)s and (b.file, b.first_line) <> (%(file)s, %(line)s) on conflict do nothing",
            {
                "source": self._contract.source, "table": self._contract.table, "file": file.name,
                "line": batch.first_line, "rows": batch.rows_in, "batch": batch_id, "run": self._run_id,
            },
        )  # fmt: skip
        return Tally(skipped=batch.rows_in)

    def _quarantine_rows(self, judged: Judged, batch_id: int) -> None:
        """Keep refused rows whole, under the key of their person where the row says whose it is."""
        batch, patients = judged.batch, judged.tokens.get(self._contract.patient_key or "")
        rows: list[_Refusal] = [(r.line, r.raw, [r.rule], None) for r in batch.refused]
        for row, rules in sorted(judged.judgement.reasons.items()):
            person = None if patients is None else patients[row]
            rows.append((int(batch.lines[row]), batch.raw[row], rules, person))
        if not rows:
            return
        lines, payloads, _, persons = zip(*rows, strict=True)
        ids = row_ids(batch_id, np.array(lines, np.int64)).tolist()
        sealed = self._quarantine.encrypt_column("quarantine.row.payload", payloads, ids, persons)
        with self._connection.cursor() as cursor, cursor.copy(_COPY_REFUSED) as copy:
            for (line, _, rules, person), payload in zip(rows, sealed, strict=True):
                copy.write_row((batch_id, line, self._contract.source, self._contract.table, rules, payload, person))

    def _record_batch(self, file: DeliveredFile, batch: Batch, batch_id: int, tally: Tally, seconds: float) -> None:
        self._connection.execute(
            "insert into governance.batch (batch_id, source, source_table, contract_version, delivery, file,"
            " first_line, content_hash, rows_in, accepted, quarantined, withdrawn, encrypted_values, tokenised_values,"
            " rules_broken, run_id, seconds)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                batch_id, self._contract.source, self._contract.table, self._contract.version, file.delivery,
                file.name, batch.first_line, batch.content_hash, tally.rows_in, tally.accepted, tally.quarantined,
                tally.withdrawn, tally.encrypted_values, tally.tokenised_values, Jsonb(tally.rules), self._run_id,
                seconds,
            ),
        )  # fmt: skip

    def _record_file(
        self, file: DeliveredFile, content_hash: str, *, size: int, state: str, rows: int, message: str
    ) -> None:
        self._connection.execute(
            "insert into governance.delivery_file"
            " (source, source_table, file, bytes, content_hash, state, rows_in, message, run_id)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (source, source_table, file) do update set bytes = excluded.bytes,"
            " content_hash = excluded.content_hash, state = excluded.state, rows_in = excluded.rows_in,"
            " message = excluded.message, run_id = excluded.run_id, seen_at = now()",
            (
                self._contract.source, self._contract.table, file.name, size, content_hash, state, rows, message,
                self._run_id,
            ),
        )  # fmt: skip

    def knows(self, file: DeliveredFile) -> bool:
        """Whether the file was loaded with the content that it has now (CollectionError when it cannot be read)."""
        return self._already_loaded(file, self._file_hash(file)[0])

    def _file_hash(self, file: DeliveredFile) -> tuple[str, int]:
        try:
            with file.path.open("rb") as stream:
                plain = hashlib.file_digest(stream, "sha256").digest()
                return self._digest.one(plain), stream.tell()
        except OSError as error:
            raise CollectionError(
                f"{file.name} ({self._contract.id}): cannot be read ({error.strerror}); check its permissions"
            ) from error

    def _already_loaded(self, file: DeliveredFile, content_hash: str) -> bool:
        row = self._connection.execute(
            "select 1 from governance.delivery_file where source = %s and source_table = %s and file = %s"
            " and content_hash = %s and state = 'loaded'",
            (self._contract.source, self._contract.table, file.name, content_hash),
        ).fetchone()
        return row is not None


def _ahead(items: Iterator[Judged]) -> Iterator[Judged]:
    """The same items, each made in a thread while the one before is worked on; at most two are held at a time."""
    with ThreadPoolExecutor(1) as worker:
        following = worker.submit(next, items, None)
        while (item := following.result()) is not None:
            following = worker.submit(next, items, None)
            yield item


def _copy(
    connection: psycopg.Connection, schema: str, table: str, frame: pl.DataFrame, quotes: Literal["necessary", "never"]
) -> None:
    """Copy a frame in parts that fit the cache."""
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in frame.columns)
    statement = sql.SQL("copy {} ({}) from stdin (format csv)").format(sql.Identifier(schema, table), columns)
    buffer = BytesIO()
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for part in frame.iter_slices(_COPIED_AT_ONCE):
            buffer.seek(0)
            part.write_csv(buffer, include_header=False, datetime_format="%Y-%m-%d %H:%M:%S%.f", quote_style=quotes)
            with buffer.getbuffer() as written:
                copy.write(written[: buffer.tell()])
