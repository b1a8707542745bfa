"""The nonce budget: counted before use, over processes and threads, and enforced."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from anonymization.encryption import NONCE_BUDGET
from governance.errors import KeyringError
from governance.keys import create_keyring, open_keyring
from governance.keys.use import BLOCK, KeyUse


def test_nothing_is_counted_before_the_first_encryption(tmp_path: Path) -> None:
    assert KeyUse(tmp_path / "use").counts() == {}


def test_the_budget_is_that_of_random_nonces() -> None:
    assert NONCE_BUDGET == 2**32


def test_encryptions_are_reserved_in_blocks_before_they_are_made(tmp_path: Path) -> None:
    use = KeyUse(tmp_path / "use")
    use.reserve("field", 1, 10)
    use.reserve("field", 1, BLOCK - 10)
    assert use.counts() == {("field", 1): BLOCK}
    use.reserve("field", 1, 1)
    use.reserve("field", 2, BLOCK + 5)
    assert use.counts() == {("field", 1): 2 * BLOCK, ("field", 2): BLOCK + 5}


def test_another_process_counts_on(tmp_path: Path) -> None:
    for _ in range(2):
        KeyUse(tmp_path / "use").reserve("field", 1, BLOCK + 1)
    assert KeyUse(tmp_path / "use").counts() == {("field", 1): 2 * BLOCK + 2}


def test_the_last_encryption_is_allowed_and_the_next_refused(tmp_path: Path) -> None:
    use = KeyUse(tmp_path / "use", budget=100)
    use.reserve("field", 1, 99)
    use.reserve("field", 1, 1)
    with pytest.raises(KeyringError, match=r"used its budget of 100 .* xinglin keys rotate field"):
        use.reserve("field", 1, 1)
    assert use.counts() == {("field", 1): 100}
    use.reserve("field", 2, 1)


def test_a_new_version_has_a_budget_of_its_own_and_the_cipher_asks(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "keyring.json"
    create_keyring(path)
    keyring = open_keyring(path)
    assert keyring.use
    keyring.use.budget = 2
    cipher = keyring.cipher()
    cipher.encrypt_column("p", ["a", None, "b"], [1, 2, 3], [None] * 3)
    with pytest.raises(KeyringError, match="nothing was encrypted"):
        cipher.encrypt_column("p", ["a"], [1], [None])


def test_threads_lose_no_count(tmp_path: Path) -> None:
    use = KeyUse(tmp_path / "use")
    threads = [threading.Thread(target=lambda: [use.reserve("field", 1, BLOCK) for _ in range(5)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert use.counts() == {("field", 1): 20 * BLOCK}


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="XINGLIN_KEY_USE"):
        KeyUse(tmp_path / "missing" / "use").reserve("field", 1, 1)


def test_the_environment_may_put_the_counts_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINGLIN_KEY_USE", str(tmp_path / "elsewhere"))
    KeyUse.beside(tmp_path / "keyring.json").reserve("field", 1, 1)
    assert (tmp_path / "elsewhere").stat().st_mode & 0o777 == 0o600
