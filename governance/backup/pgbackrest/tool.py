"""Running pgBackRest, and what it says of its repositories. Nothing here takes an exit status of 0 as proof."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from governance.backup.adapter import BackupInfo, BackupKind
from governance.backup.pgbackrest.site import Repository, Site
from governance.errors import BackupError
from governance.runtime.placement import ServerUser

_KINDS = {"full": BackupKind.FULL, "incr": BackupKind.INCREMENTAL, "diff": BackupKind.INCREMENTAL}


@dataclass(frozen=True)
class Stored:
    """What the tool says of one repository.

    Attributes:
        backups: oldest first; ids are the tool's labels.
        archives: ids of the archive's folders, one a major version of the server, e.g. ``15-1``; the last is current.
        page_errors: labels of backups in which the tool met a page with a wrong checksum.
        fault: what it says is wrong with the repository, empty when nothing.
        system_identifier: of the cluster.
    """

    backups: tuple[BackupInfo, ...] = ()
    archives: tuple[str, ...] = ()
    page_errors: tuple[str, ...] = ()
    fault: str = ""
    system_identifier: str = ""


@dataclass(frozen=True)
class Tool:
    """pgBackRest with the site's configuration, run as the user who owns the cluster's files."""

    site: Site
    user: ServerUser

    def run(self, command: str, *options: str, repository: Repository | None = None, check: bool = True) -> str:
        """What a command prints on standard output.

        Args:
            check: raise when it ends with another status than 0 (which, being 0, proves nothing).

        Raises:
            BackupError: the tool is not installed, or failed; the message ends with the tool's own.
        """
        result: subprocess.CompletedProcess[bytes] = subprocess.run(
            self._command(command, options, repository), **self._manner(), capture_output=True, check=False
        )
        if check and result.returncode != 0:
            raise BackupError(f"pgbackrest {command} failed: {_last(result.stderr or result.stdout)}")
        return result.stdout.decode("utf-8", errors="replace")

    @contextmanager
    def reading(self, repository: Repository, name: str) -> Iterator[IO[bytes]]:
        """A file of a repository as it lies there, encrypted.

        Raises:
            BackupError: it cannot be opened.
        """
        if repository.folder is not None:
            try:
                file = (repository.folder / name).open("rb")
            except OSError as error:
                raise BackupError(f"{name} cannot be read ({error.strerror})") from error
            with file:
                yield file
            return
        command = self._command("repo-get", ("--raw", name), repository)
        with subprocess.Popen(
            command, **self._manner(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=1 << 20
        ) as process:
            assert process.stdout is not None and process.stderr is not None  # noqa: S101 - pipes as asked
            words: list[bytes] = []
            errors = process.stderr
            listener = threading.Thread(target=lambda: words.append(errors.read()))
            listener.start()
            yield process.stdout
            process.stdout.read()
            listener.join()
        if process.returncode != 0:
            raise BackupError(f"{name} cannot be read ({_last(b''.join(words))})")

    def listing(self, repository: Repository, folder: str) -> dict[str, int]:
        """Files below a folder of a repository: name relative to the repository → bytes.

        Raises:
            BackupError: the repository cannot be reached.
        """
        text = self.run("repo-ls", "--recurse", "--output=json", folder, repository=repository)
        return {
            f"{folder}/{name}": entry["size"] for name, entry in json.loads(text).items() if entry["type"] == "file"
        }

    def stored(self, repository: Repository) -> Stored:
        """What a repository holds, in the tool's words.

        Raises:
            BackupError: the tool itself fails.
        """
        try:  # of what it cannot decrypt it prints the raw bytes
            found = json.loads(self.run("info", "--output=json", repository=repository), strict=False)
        except ValueError:
            return Stored(fault="it cannot be read: the passphrase does not fit, or its lists are damaged")
        stanza: dict[str, Any] = next((item for item in found if item["name"] == self.site.stanza), {})
        if not stanza:
            return Stored(fault=f"it holds no stanza {self.site.stanza}")
        states = [*(item["status"] for item in stanza.get("repo", [])), stanza["status"]]
        faults = [state["message"] for state in states if state["code"] != 0]
        labels = sorted(stanza.get("backup", []), key=lambda item: item["timestamp"]["stop"])
        databases = stanza.get("db", [])
        return Stored(
            tuple(_info(item) for item in labels),
            tuple(item["id"] for item in stanza.get("archive", [])),
            tuple(item["label"] for item in labels if item.get("error")),
            faults[0].splitlines()[0] if faults else "",
            str(databases[-1]["system-id"]) if databases else "",
        )

    def _command(self, command: str, options: tuple[str, ...], repository: Repository | None) -> list[str]:
        chosen = [f"--repo={self.site.number(repository)}"] if repository else []
        return [
            "pgbackrest",
            f"--config={self.site.config}",
            f"--stanza={self.site.stanza}",
            *chosen,
            command,
            *options,
        ]

    def _manner(self) -> dict[str, Any]:
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(self.site.work_dir), "TZ": "UTC"}
        if self.site.password_file:
            environment["PGPASSFILE"] = str(self.site.password_file)
        manner: dict[str, Any] = {"cwd": "/", "env": environment, "stdin": subprocess.DEVNULL}
        if self.user.uid is not None:
            manner |= {"user": self.user.uid, "group": self.user.gid, "extra_groups": []}
        return manner


def installed() -> Path | None:
    """The program, if this machine has it."""
    for folder in os.environ.get("PATH", "/usr/bin").split(":"):
        if (path := Path(folder) / "pgbackrest").is_file():
            return path
    return None


def _info(item: dict[str, Any]) -> BackupInfo:
    size = item["info"]["repository"].get("delta", 0)
    return BackupInfo(
        item["label"],
        _KINDS[item["type"]],
        item["prior"],
        datetime.fromtimestamp(item["timestamp"]["start"], UTC),
        datetime.fromtimestamp(item["timestamp"]["stop"] + 1, UTC),  # it cuts the fraction off
        size,
        int(item["archive"]["start"][:8], 16),
        item["lsn"]["start"],
        item["lsn"]["stop"],
    )


def _last(output: bytes) -> str:
    lines = [line.strip() for line in output.decode("utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "ERROR" in line]
    return (errors or lines or ["it said nothing"])[-1][-300:]
