"""What uses which key version: read from the warehouse itself, and the proof that an old version is needed no more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from anonymization.encryption import NONCE_BUDGET, Suite
from governance.contracts import Catalogue
from governance.keys.index_rotation import PURPOSE as INDEX
from governance.keys.index_rotation import count_old_indexes
from governance.keys.keyring import KEY_IDS, SALTED_IDS, Keyring
from governance.keys.provider import SOFTWARE, WORDS
from governance.keys.rotation import Target, targets
from governance.keys.store import describe, open_keyring


@dataclass(frozen=True)
class Version:
    """One key version and what stands under it.

    Attributes:
        role: ``current``, ``pending`` (not used yet) or ``old``.
        values: ciphertexts in the warehouse by suite; empty for keys that make no ciphertext.
        encryptions: counted against the nonce budget; ``None`` for keys that make no ciphertext.
    """

    purpose: str
    version: int
    created_at: str
    role: str
    values: dict[Suite, int]
    encryptions: int | None

    @property
    def needed(self) -> bool:
        """Whether values of the warehouse need this version."""
        return any(self.values.values())


@dataclass(frozen=True)
class KeyStatus:
    """The state of an installation's keys.

    Attributes:
        outdated: ciphertexts under an old version, or under another suite than their contract's.
        unknown: ciphertexts of a suite, key or version that the keyring does not have.
        old_indexes: blind indexes under an old version.
        provider: who holds the key-encryption key.
        persons, tombstones: salts in the key store, and those that withdrawals destroyed.
        unfinished: tombstones whose persons may still have rows.
    """

    suite: Suite
    kek_since: str
    versions: tuple[Version, ...]
    outdated: dict[str, int]
    unknown: int
    old_indexes: int
    provider: str = SOFTWARE
    persons: int = 0
    tombstones: int = 0
    unfinished: int = 0

    @property
    def settled(self) -> bool:
        """Whether nothing in the warehouse needs an old version and no rotation is unfinished."""
        pending = any(version.role == "pending" for version in self.versions)
        return not (pending or self.unknown or self.unfinished or self.old_indexes or any(self.outdated.values()))


def key_status(connection: psycopg.Connection, catalogue: Catalogue, path: Path) -> KeyStatus:
    """Count every ciphertext by the header it carries, and every blind index of an older version.

    Args:
        connection: of the role ``audit``, in autocommit.

    Raises:
        KeyringError: the keyring cannot be opened.
        DecryptionError: an indexed value was altered.
    """
    keyring, said = open_keyring(path), describe(path)
    found: dict[tuple[str, int], dict[Suite, int]] = {}
    outdated: dict[str, int] = dict.fromkeys(KEY_IDS, 0)
    unknown = 0
    for purpose in KEY_IDS:
        cipher, ids = keyring.cipher(purpose), (0, KEY_IDS[purpose], SALTED_IDS[purpose])
        for target in targets(catalogue, purpose):
            for column, wanted in target.columns:
                for header, count in _headers(connection, target, column):
                    suite, key_id, version = _named(header)
                    if suite is None or key_id not in ids or version not in keyring.keys[purpose]:
                        unknown += count
                        continue
                    values = found.setdefault((purpose, version), {})
                    values[suite] = values.get(suite, 0) + count
                    outdated[purpose] += count * (header != cipher.header(wanted))
    old_indexes = count_old_indexes(connection, catalogue, keyring)
    versions = tuple(_version(keyring, entry, found) for entry in said["keys"])
    persons, stones = (keyring.persons.count(), keyring.persons.tombstones()) if keyring.persons else (0, [])
    unfinished = sum(stone.finished_at is None for stone in stones)
    return KeyStatus(
        said["suite"], said["kek_since"], versions, outdated, unknown, old_indexes, said["provider"],
        persons, len(stones), unfinished,
    )  # fmt: skip


def report(status: KeyStatus) -> list[str]:
    """The status as lines for a person, Chinese first."""
    lines = [
        f"密钥提供者 provider: {status.provider} · {WORDS[status.provider]}",
        f"算法套件 suite: {status.suite} ({status.suite.description}); KEK 自 since {status.kek_since}",
        f"{'用途 purpose':<14}{'版本 v':>6}  {'状态':<8}{'自 since':<27}密文 ciphertexts · 加密次数 encryptions",
    ]
    for version in status.versions:
        shown = ", ".join(f"{suite} {count:,}" for suite, count in sorted(version.values.items())) or "-"
        used = ""
        if version.encryptions is not None:
            used = f" · {version.encryptions:,} / {NONCE_BUDGET:,} ({version.encryptions / NONCE_BUDGET:.2%})"
        who = f"{version.purpose:<14}{version.version:>6}  {version.role:<8}"
        lines.append(f"{who}  {version.created_at or '-':<27}{shown}{used}")
    lines += [
        f"待重新加密 to be re-encrypted: {purpose} {count:,} → xinglin keys rotate {purpose} --resume"
        for purpose, count in status.outdated.items()
        if count
    ]
    if status.old_indexes or any(v.role == "pending" for v in status.versions):
        lines.append(f"旧盲索引 old blind indexes: {status.old_indexes:,} → xinglin keys rotate {INDEX} --resume")
    lines.append(f"个人密钥 persons: {status.persons:,} 盐 salts · {status.tombstones:,} 墓碑 tombstones")
    if status.unfinished:
        lines.append(f"未完成的撤回 unfinished withdrawals: {status.unfinished:,} → xinglin keys withdraw --resume")
    if status.unknown:
        lines.append(
            f"无法识别 unknown: {status.unknown:,} ciphertexts name a key that this keyring lacks; restore the keyring"
        )
    if status.settled:
        lines.append("数据仓库不再需要旧密钥 · nothing in the warehouse needs an old key; older backups still do")
    return lines


def _version(keyring: Keyring, entry: dict[str, object], found: dict[tuple[str, int], dict[Suite, int]]) -> Version:
    purpose, version = str(entry["purpose"]), int(str(entry["id"]))
    role = "current" if version == keyring.current(purpose) else "pending" if entry["pending"] else "old"
    counts = keyring.use.counts() if keyring.use else {}
    encryptions = counts.get((purpose, version), 0) if purpose in KEY_IDS else None
    created = str(entry["created_at"] or "")
    return Version(purpose, version, created, role, found.get((purpose, version), {}), encryptions)


def _headers(connection: psycopg.Connection, target: Target, column: str) -> list[tuple[bytes, int]]:
    query = sql.SQL("select substring({0} from 1 for 5), count(*) from {1} where {0} is not null group by 1").format(
        sql.Identifier(column), target.table
    )
    return [(bytes(row[0]), int(row[1])) for row in connection.execute(query)]


def _named(header: bytes) -> tuple[Suite | None, int, int]:
    number = header[0] if header else 0
    return Suite.of(number), int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:5], "big")
