"""The key store of persons: durable before it is given out, destroyed for good, safe among processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest

from anonymization.encryption import KeyedDigest
from anonymization.errors import DecryptionError
from governance.errors import KeyringError
from governance.keys import create_keyring, open_keyring
from governance.keys.keyring import Keyring
from governance.keys.persons import PersonKeys, Tombstone
from governance.keys.store import rewrap

PERSONS = [sha256(b"%d" % number).hexdigest()[:32] for number in range(40)]
PLACE = "vault.his_patient.name"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "keys" / "keyring.json"
    create_keyring(made)
    return made


def store(path: Path) -> PersonKeys:
    found = open_keyring(path).persons
    assert found is not None
    return found


def test_a_person_without_a_salt_has_none(path: Path) -> None:
    assert store(path).find(PERSONS) == {}
    assert store(path).withdrawn(PERSONS) == set()
    assert not store(path).file.exists()


def test_salts_are_random_and_stay(path: Path) -> None:
    made = store(path).make(PERSONS)
    assert {len(salt) for salt in made.values()} == {16} and len(set(made.values())) == len(PERSONS)
    assert store(path).find(PERSONS) == made == store(path).make(PERSONS)
    assert store(path).file.stat().st_mode & 0o077 == 0


def test_the_file_holds_no_salt_in_plain(path: Path) -> None:
    made = store(path).make(PERSONS)
    content = store(path).file.read_bytes()
    assert not any(salt in content for salt in made.values())


def test_a_new_key_encryption_key_opens_the_same_salts(path: Path) -> None:
    made = store(path).make(PERSONS)
    rewrap(path)
    assert store(path).find(PERSONS) == made


def test_a_store_of_another_keyring_is_refused(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "keyring.json"
    create_keyring(other)
    store(path).make(PERSONS)
    store(path).file.rename(PersonKeys.place(other))
    with pytest.raises(KeyringError, match="another keyring"):
        store(other).find(PERSONS)


def test_a_destroyed_salt_is_gone_from_the_file(path: Path) -> None:
    keys = store(path)
    keys.make([*PERSONS, *(sha256(b"other %d" % number).hexdigest()[:32] for number in range(4000))])
    with keys._opened(write=False) as database:
        query = "select wrapped from salt where token = ?"
        wrapped = [database.execute(query, (bytes.fromhex(p),)).fetchone()[0] for p in PERSONS]
    assert all(w in keys.file.read_bytes() for w in wrapped)
    keys.destroy(PERSONS, "w1", "consent_withdrawn", "officer")
    content = b"".join(file.read_bytes() for file in keys.file.parent.glob("persons.sqlite*"))
    assert not any(w in content for w in wrapped)
    assert not any(bytes.fromhex(person) in content for person in PERSONS)
    assert keys.find(PERSONS) == {} and keys.count() == 4000


def test_a_tombstone_knows_the_person_and_lets_none_be_made_again(path: Path) -> None:
    keys = store(path)
    keys.make(PERSONS)
    keys.destroy(PERSONS[:2], "w1", "consent_withdrawn", "officer")
    assert store(path).withdrawn(PERSONS) == set(PERSONS[:2])
    with pytest.raises(KeyringError, match="withdrawn"):
        keys.make(PERSONS[:3])
    assert keys.make(PERSONS[2:])
    assert {(s.withdrawal, s.reason, s.actor, s.finished_at) for s in keys.tombstones()} == {
        ("w1", "consent_withdrawn", "officer", None)
    }


def test_destroying_again_changes_nothing(path: Path) -> None:
    keys = store(path)
    first = keys.destroy(PERSONS[:2], "w1", "consent_withdrawn", "officer")
    assert keys.destroy(PERSONS[:2], "w2", "erasure_request", "other") == first
    assert {stone.withdrawal for stone in keys.tombstones()} == {"w1"}
    keys.finish(first)
    assert all(stone.finished_at for stone in keys.tombstones())


def test_taking_over_tombstones_destroys_what_stands_beside_them(path: Path) -> None:
    keys = store(path)
    keys.make(PERSONS)
    (token_hash,) = keys.destroy(PERSONS[:1], "w1", "consent_withdrawn", "officer")
    stone = Tombstone(token_hash, "w1", "2026-01-01T00:00:00+00:00", "consent_withdrawn", "officer")
    other = PersonKeys(path.with_name("other.sqlite"), keys._key, keys._digest)
    other.make(PERSONS)
    other.bury([stone])
    assert other.find(PERSONS).keys() == set(PERSONS[1:])


def sealed(keyring: Keyring, person: str) -> bytes:
    value = keyring.cipher().encrypt_column(PLACE, ["王芳"], [7], [person])[0]
    assert value is not None
    return value


def test_a_value_opens_with_its_salt_and_never_without(path: Path) -> None:
    value = sealed(open_keyring(path), PERSONS[0])
    assert value[:5] == bytes([1, 0, 3, 0, 1])
    assert open_keyring(path).cipher().decrypt(PLACE, value, 7, PERSONS[0]).decode() == "王芳"
    store(path).destroy(PERSONS[:1], "w1", "consent_withdrawn", "officer")
    with pytest.raises(DecryptionError, match="not in the key store"):
        open_keyring(path).cipher().decrypt(PLACE, value, 7, PERSONS[0])


def test_another_salt_opens_nothing(path: Path) -> None:
    value = sealed(open_keyring(path), PERSONS[0])
    store(path).file.unlink()
    store(path).make(PERSONS[:1])
    with pytest.raises(DecryptionError, match="altered, moved or belongs to another key"):
        open_keyring(path).cipher().decrypt(PLACE, value, 7, PERSONS[0])


def test_values_from_before_there_were_salts_still_open(path: Path) -> None:
    keyring = open_keyring(path)
    unsalted = Keyring(keyring.keys, keyring.backup_recipient, keyring.backup_identity)
    value = sealed(unsalted, PERSONS[0])
    assert value[:5] == bytes([1, 0, 1, 0, 1])
    assert keyring.cipher().decrypt(PLACE, value, 7, PERSONS[0]).decode() == "王芳"
    assert keyring.cipher().decrypt_column(PLACE, [value], [7], [PERSONS[0]]) == ["王芳"]


def test_rows_of_nobody_need_no_salt(path: Path) -> None:
    cipher = open_keyring(path).cipher()
    value = cipher.encrypt_column(PLACE, ["x"], [1], [None])[0]
    assert value is not None and cipher.decrypt(PLACE, value, 1, None) == b"x"
    assert store(path).count() == 0


def test_long_columns_are_shared_among_processes_with_their_salts(path: Path) -> None:
    cipher = open_keyring(path).cipher()
    persons: list[str | None] = [PERSONS[n % len(PERSONS)] for n in range(20_000)]
    values = cipher.encrypt_column(PLACE, ["王芳"] * 20_000, range(20_000), persons, workers=2)
    assert open_keyring(path).cipher().decrypt_column(PLACE, values, range(20_000), persons, workers=2) == (
        ["王芳"] * 20_000
    )
    assert cipher.decrypt(PLACE, values[-1] or b"", 19_999, persons[-1]).decode() == "王芳"


def test_a_read_only_store_can_be_read_and_says_when_it_must_be_written(path: Path) -> None:
    made = store(path).make(PERSONS)
    store(path).file.chmod(0o400)
    assert store(path).find(PERSONS) == made
    if os.geteuid():
        with pytest.raises(KeyringError, match="cannot be written"):
            store(path).make([f"{99:032x}"])


def test_the_place_can_be_set(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINGLIN_PERSON_KEYS", str(tmp_path / "elsewhere.sqlite"))
    store(path).make(PERSONS)
    assert (tmp_path / "elsewhere.sqlite").is_file()


MAKE = """
import sys
from pathlib import Path
from anonymization.encryption import KeyedDigest
from governance.keys.persons import PersonKeys
keys = PersonKeys(Path(sys.argv[1]), bytes(32), KeyedDigest(bytes(32), "t"))
for number in range(int(sys.argv[2]), 10**9, int(sys.argv[3])):
    person = f"{number // 2:032x}"
    salt = keys.make([person])[person]
    print(person, salt.hex(), flush=True)
    if number > int(sys.argv[4]):
        break
"""


def making(file: Path, *numbers: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", MAKE, str(file), *map(str, numbers)], stdout=subprocess.PIPE, text=True
    )


def test_processes_that_make_the_same_persons_agree(tmp_path: Path) -> None:
    file = tmp_path / "persons.sqlite"
    running = [making(file, first, 1, 60) for first in range(3)]
    said = [dict(line.split() for line in process.communicate(timeout=60)[0].splitlines()) for process in running]
    assert all(process.returncode == 0 for process in running)
    for other in said[1:]:
        assert said[0].items() >= {p: s for p, s in other.items() if p in said[0]}.items()
    assert PersonKeys(file, bytes(32), KeyedDigest(bytes(32), "t")).count() >= 30


def test_a_salt_that_was_given_out_survives_kill_9(tmp_path: Path) -> None:
    file = tmp_path / "persons.sqlite"
    given: dict[str, str] = {}
    for round_ in range(4):
        process = making(file, round_ * 100_000, 2, 10**8)
        assert process.stdout
        given |= dict([process.stdout.readline().split()])  # type: ignore[list-item]
        time.sleep(0.05 + 0.03 * round_)
        process.send_signal(signal.SIGKILL)
        given |= dict(line.split() for line in process.stdout if line.count(" ") == 1 and line.endswith("\n"))  # type: ignore[misc]
        process.wait()
    keys = PersonKeys(file, bytes(32), KeyedDigest(bytes(32), "t"))
    assert len(given) >= 4
    assert {person: salt.hex() for person, salt in keys.find(list(given)).items()} == given
