"""Field encryption a second on one core beside what else could be installed, and a column's way out and back."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Iterator
from hashlib import md5
from itertools import islice
from pathlib import Path

import polars as pl
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from cryptography.fernet import Fernet

from anonymization.encryption import BlindIndexer, FieldCipher, Suite
from anonymization.encryption.columns import encrypt_column
from governance.database import Role, connection_string
from tests.bench.measure import Results, scratch_site

_GROUP, _PLACE, _UNIT = "encryption", "vault.bench.value", "values/s"
_REPEATS = 3
_BLOCK = 20_000  # rows
_AIMS = {Suite.INTL: "250,000", Suite.GM: "100,000"}


def measure_encryption(results: Results, folder: Path, values: int = 100_000, rows: int = 1_000_000) -> None:
    """Values a second of processor time, best of three, and the cost of encryption between two COPYs.

    Args:
        values: of a column; every one belongs to another person.
        rows: of the table that goes out of PostgreSQL and back.
    """
    texts = [f"11010119{1900 + n % 100}{n:06d}" for n in range(values)]
    persons, ids = [f"{n:032x}" for n in range(values)], list(range(values))
    for suite in Suite:
        _measure_suite(results, suite, texts, ids, persons)
    for name, encrypt in _peers().items():
        rate = _rate(lambda encrypt=encrypt: [encrypt(text.encode()) for text in texts], values)  # type: ignore[misc]
        results.add(_GROUP, f"instead: {name}", rate, _UNIT, "", "one key for all, bound to no place")
    with scratch_site(folder, folder / "deliveries") as (settings, _):
        dsn = connection_string(Role.ADMIN, settings.state)
        _measure_copies(results, dsn, rows)


def _measure_suite(results: Results, suite: Suite, texts: list[str], ids: list[int], persons: list[str]) -> None:
    many, key = len(texts), os.urandom(32)
    note = "20 characters, each under its own person's key"

    def seal(workers: int = 1) -> list[bytes | None]:
        return FieldCipher({1: key}, 1, suite=suite).encrypt_column(_PLACE, texts, ids, persons, workers=workers)

    sealed = seal()
    results.add(_GROUP, f"{suite}: encrypt", _rate(seal, many), _UNIT, _AIMS[suite], note)
    decrypt = _rate(lambda: FieldCipher({1: key}, 1).decrypt_column(_PLACE, sealed, ids, persons), many)
    results.add(_GROUP, f"{suite}: decrypt", decrypt, _UNIT, "", note)
    few = [persons[n // 20] for n in range(many)]
    rate = _rate(lambda: FieldCipher({1: key}, 1, suite=suite).encrypt_column(_PLACE, texts, ids, few), many)
    results.add(_GROUP, f"{suite}: encrypt", rate, _UNIT, "", "twenty values a person, as in a laboratory's file")
    started = time.perf_counter()
    seal(os.cpu_count() or 1)
    wall = many / (time.perf_counter() - started)
    results.add(_GROUP, f"{suite}: encrypt on all cores", wall, _UNIT, "", "wall time, starting the processes included")
    bound = [
        (text.encode(), person.encode(), f"{_PLACE}|1|{row}".encode())
        for text, row, person in zip(texts, ids, persons, strict=True)
    ]
    root, make, nonce = suite.mac(key), suite.make_sealer, bytes(12)

    def bare_calls() -> None:
        for value, person, place in bound:
            context = root.copy()
            context.update(person)
            make(context.finalize()).encrypt(nonce, value, place)

    results.add(_GROUP, f"{suite}: the library's calls alone", _rate(bare_calls, many), _UNIT, "", "the upper bound")
    indexer = BlindIndexer(key, suite)
    made = "keyed BLAKE2b" if suite is Suite.INTL else "HMAC-SM3"
    rate = _rate(lambda: indexer.indexes("resident_id", texts), many)
    results.add(_GROUP, f"{suite}: blind index", rate, _UNIT, "800,000", f"{made}, normalising included")
    mac = suite.mac(key)
    encoded = [text.encode() for text in texts]

    def bare() -> None:
        for value in encoded:
            context = mac.copy()
            context.update(value)
            context.finalize()

    results.add(_GROUP, f"instead: bare {suite.description.split(', ')[1]}", _rate(bare, many), _UNIT, "", "no index")


def _peers() -> dict[str, Callable[[bytes], bytes]]:
    """Other ways to encrypt a value, as far as they are installed."""
    peers: dict[str, Callable[[bytes], bytes]] = {"Fernet": Fernet(Fernet.generate_key()).encrypt}
    try:
        tink, aead = importlib.import_module("tink"), importlib.import_module("tink.aead")
    except ImportError:
        return peers
    aead.register()
    handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    sealer = handle.primitive(aead.Aead)
    return peers | {"tink AES256_GCM": lambda value: bytes(sealer.encrypt(value, _PLACE.encode()))}


def _measure_copies(results: Results, dsn: str, rows: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as out, psycopg.connect(dsn, autocommit=True) as back:
        back.execute("create schema bench")
        back.execute("create unlogged table bench.plain as select n as id, md5(n::text)::uuid as person,"
                     " md5((n / 20)::text)::uuid as patient,"
                     f" lpad(n::text, 18, '1') as value from generate_series(1, {rows}) as n")  # fmt: skip
        back.execute("create unlogged table bench.copied (id bigint, person uuid, value text)")
        back.execute("create unlogged table bench.sealed (id bigint, person uuid, value bytea)")
        query = "copy (select id, person, value from bench.plain) to stdout"
        bare = _seconds(lambda: _through(out, query, back, "copied", None))
        results.add(_GROUP, "out of PostgreSQL and back, bare", rows / bare, "rows/s", "", f"{rows:,} rows, wall time")
        back.execute("truncate bench.copied")
        by_rows = rows / _seconds(lambda: _row_by_row(out, query, back, "copied"))
        note = "as psycopg gives them, without blocks"
        results.add(_GROUP, "instead: out and back, bare, row by row", by_rows, "rows/s", "", note)
        for suite in Suite:
            for column, words in (("person", "each row under its own person's key"), ("patient", "20 rows a person")):
                cipher = FieldCipher({1: os.urandom(32)}, 1, suite=suite)
                back.execute("truncate bench.sealed")
                asked = f"copy (select id, {column}, value from bench.plain) to stdout"
                spent = _seconds(lambda asked=asked, c=cipher: _through(out, asked, back, "sealed", c))  # type: ignore[misc]
                _require_last_row(back, cipher, rows, rows if column == "person" else rows // 20)
                note = f"{rows / spent:,.0f} rows/s, {words}"
                results.add(_GROUP, f"{suite}: the same with encryption", spent / bare, "times", "<= 1.8", note)


def _require_last_row(back: psycopg.Connection, cipher: FieldCipher, rows: int, person: int) -> None:
    row = back.execute("select value from bench.sealed where id = %s", (rows,)).fetchone()
    owner = md5(str(person).encode(), usedforsecurity=False).hexdigest()
    if row is None or cipher.decrypt(_PLACE, row[0], rows, owner) != str(rows).rjust(18, "1").encode():
        raise RuntimeError("the last row did not come back as it was")


def _through(
    out: psycopg.Connection, query: str, back: psycopg.Connection, table: str, cipher: FieldCipher | None
) -> None:
    """Copy rows out and in again, block by block, and encrypt their last column if told to."""
    with (
        out.cursor() as reader,
        back.cursor() as writer,
        reader.copy(query) as source,
        writer.copy(f"copy bench.{table} from stdin") as target,
    ):
        for block in _blocks(map(bytes, source)):
            target.write(block if cipher is None else _sealed(block, cipher))


def _row_by_row(out: psycopg.Connection, query: str, back: psycopg.Connection, table: str) -> None:
    with (
        out.cursor() as reader,
        back.cursor() as writer,
        reader.copy(query) as source,
        writer.copy(f"copy bench.{table} from stdin") as target,
    ):
        for row in source.rows():
            target.write_row(row)


def _blocks(lines: Iterator[bytes]) -> Iterator[bytes]:
    while block := b"".join(islice(lines, _BLOCK)):
        yield block


def _sealed(block: bytes, cipher: FieldCipher) -> bytes:
    table = pa.csv.read_csv(
        pa.BufferReader(block),
        read_options=pa.csv.ReadOptions(column_names=["id", "person", "value"], block_size=len(block)),
        parse_options=pa.csv.ParseOptions(delimiter="\t", quote_char=False),
        convert_options=pa.csv.ConvertOptions(
            column_types={"id": pa.int64(), "person": pa.string(), "value": pa.string()}
        ),
    )
    persons = pc.replace_substring(table["person"], "-", "")
    sealed = pl.Series(encrypt_column(cipher, _PLACE, table["value"], table["id"], persons))
    frame = pl.DataFrame({"id": table["id"], "person": table["person"], "value": "\\\\x" + sealed.bin.encode("hex")})
    return frame.write_csv(None, include_header=False, separator="\t", quote_style="never").encode()


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _rate(work: Callable[[], object], values: int) -> float:
    """Values a second of this process's processor time, best of three."""
    best = float("inf")
    for _ in range(_REPEATS):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return values / best
