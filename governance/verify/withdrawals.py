"""Withdrawn persons: nothing of them is left, and nobody else lost a key."""

from __future__ import annotations

from psycopg import Connection, sql

from governance.keys.keyring import SALTED_IDS
from governance.keys.purge import patients_present
from governance.keys.rotation import targets
from governance.verify.context import Context
from governance.verify.results import Check, Outcome, amount, figures


def withdrawn(context: Context) -> Outcome:
    """Every tombstone is finished, and no row of landing, vault, quarantine or base belongs to one."""
    store = context.keyring.persons
    stones = store.tombstones() if store else []
    if store is None or not stones:
        return Outcome("无人撤回 nobody has withdrawn", 0)
    with context.connection() as connection:
        patients = patients_present(connection, context.catalogue)
    left = len(store.withdrawn(patients))
    unfinished = sum(stone.finished_at is None for stone in stones)
    findings = []
    if left:
        findings.append(f"{left} patient numbers of withdrawn persons still have rows; xinglin keys withdraw --resume")
    if unfinished:
        findings.append(f"{unfinished} tombstones are not finished; xinglin keys withdraw --resume")
    said = [amount(len(stones), "个墓碑", "tombstones"), amount(len(patients), "个病人号", "patient numbers looked at")]
    return Outcome(figures(said), len(stones), tuple(findings))


def salts(context: Context) -> Outcome:
    """Every person with a ciphertext has a key in the key store: nothing was lost, and only the withdrawn lost it."""
    store = context.keyring.persons
    if store is None:
        return Outcome("无密钥库 no key store", 0)
    with context.connection() as connection:
        patients = _with_salted_values(context, connection)
    missing = len(patients) - len(store.find(patients))
    findings = [f"{missing} patient numbers have values and no key in {store.file.name}; restore it"] if missing else []
    said = [
        amount(len(patients), "个有密文的病人号", "patient numbers with values"),
        amount(store.count(), "个盐", "salts"),
    ]
    return Outcome(figures(said), len(patients), tuple(findings))


def _with_salted_values(context: Context, connection: Connection) -> list[str]:
    """Patient keys with a value whose key takes a salt; values from before have another key id in their header."""
    found: set[str] = set()
    for purpose, key_id in SALTED_IDS.items():
        for target in targets(context.catalogue, purpose):
            conditions = [
                sql.SQL("substring({} from 2 for 2) = {}").format(
                    sql.Identifier(name), sql.Literal(key_id.to_bytes(2, "big"))
                )
                for name, _ in target.columns
            ]
            query = sql.SQL("select distinct {person} from {table} where {person} is not null and ({any})").format(
                person=target.person, table=target.table, any=sql.SQL(" or ").join(conditions)
            )
            found.update(row[0].hex for row in connection.execute(query))
    return sorted(found)


CHECKS = (
    Check("keys.withdrawn", "撤回者无残留 nothing is left of withdrawn persons", withdrawn),
    Check("keys.persons", "人人有密钥 everybody with values has a key", salts),
)
