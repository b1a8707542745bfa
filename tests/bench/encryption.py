"""Field encryption a second on one core beside what else could be installed, and a column's way out and back."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from cryptography.fernet import Fernet

from anonymization.encryption import BlindIndexer, FieldCipher, Suite
from governance.database import Role, connection_string
from tests.bench.measure import Results, scratch_site

_GROUP, _PLACE, _UNIT = "encryption", "vault.bench.value", "values/s"
_REPEATS = 3
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
    with psycopg.connect(dsn) as connection:
        connection.execute("create temporary table plain as select n as id, md5(n::text)::uuid as person,"
                           f" lpad(n::text, 18, '1') as value from generate_series(1, {rows}) as n")  # fmt: skip
        connection.execute("create temporary table copied (id bigint, person uuid, value text)")
        connection.execute("create temporary table sealed (id bigint, person uuid, value bytea)")
        bare = _through(connection, "copied", None)
        results.add(_GROUP, "out of PostgreSQL and back, bare", rows / bare, "rows/s", "", f"{rows:,} rows, wall time")
        for suite in Suite:
            cipher = FieldCipher({1: os.urandom(32)}, 1, suite=suite)
            connection.execute("truncate sealed")
            spent = _through(connection, "sealed", cipher)
            note = f"{rows / spent:,.0f} rows/s, each row under its own person's key"
            results.add(_GROUP, f"{suite}: the same with encryption", spent / bare, "times", "<= 1.8", note)


def _through(connection: psycopg.Connection, table: str, cipher: FieldCipher | None) -> float:
    """Seconds to copy the table out, encrypt its last column if told to, and copy it in."""
    started = time.perf_counter()
    with connection.cursor() as cursor:
        with cursor.copy("copy plain to stdout") as copy:
            text = b"".join(bytes(block) for block in copy).decode()
        if cipher is not None:
            table_rows = [line.split("\t") for line in text.splitlines()]
            ids, persons = [int(row[0]) for row in table_rows], [row[1].replace("-", "") for row in table_rows]
            sealed = cipher.encrypt_column(_PLACE, [row[2] for row in table_rows], ids, persons)
            text = "".join(
                f"{row[0]}\t{row[1]}\t\\\\x{(value or b'').hex()}\n"
                for row, value in zip(table_rows, sealed, strict=True)
            )
        with cursor.copy(f"copy {table} from stdin") as copy:
            copy.write(text)
    return time.perf_counter() - started


def _rate(work: Callable[[], object], values: int) -> float:
    """Values a second of this process's processor time, best of three."""
    best = float("inf")
    for _ in range(_REPEATS):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return values / best
