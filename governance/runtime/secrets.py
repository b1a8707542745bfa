"""The runtime's own secrets: passwords and connection strings in ``<state>/secrets.json``, readable by its owner only.

Passwords are random and kept; connection strings are written anew at each start, because the port may have changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from pathlib import Path

from governance.errors import SettingsError

_BYTES = 24  # of randomness in a password: 32 characters


class Secrets:
    """Named secrets of one state folder. A repr shows names only."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._values: dict[str, str] = {}
        with contextlib.suppress(FileNotFoundError):
            self._values = _read(file)

    @classmethod
    def of(cls, state: Path) -> Secrets:
        """The secrets of a state folder; empty if it has none yet.

        Raises:
            SettingsError: the file is malformed.
        """
        return cls(state / "secrets.json")

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self._values))})"

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __getitem__(self, name: str) -> str:
        try:
            return self._values[name]
        except KeyError:
            words = f"{self._file} holds no '{name}'; start the servers (make up), which writes it"
            raise SettingsError(words) from None

    def get(self, name: str) -> str | None:
        """The secret ``name``, None if there is none."""
        return self._values.get(name)

    def random(self, name: str, length: int = _BYTES) -> str:
        """The secret ``name``; a new random one of ``length`` bytes if there is none (call :meth:`save` after)."""
        return self._values.setdefault(name, secrets.token_urlsafe(length))

    def set(self, name: str, value: str) -> None:
        """Set a secret (call :meth:`save` after)."""
        self._values[name] = value

    @property
    def values(self) -> dict[str, str]:
        """A copy of all of them, e.g. to hunt for them in log files."""
        return dict(self._values)

    def save(self) -> None:
        """Write the file whole, mode 0600, never half."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._file.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(self._values, stream, indent=1, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self._file)


def _read(file: Path) -> dict[str, str]:
    try:
        values = json.loads(file.read_text("utf-8"))
        return {str(name): str(value) for name, value in values.items()}
    except (ValueError, AttributeError) as error:
        raise SettingsError(f"{file} is malformed; restore it, or `make reset` and start again") from error
