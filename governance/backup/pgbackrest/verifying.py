"""Verification of one pgBackRest repository that takes nothing from the tool but the list of files.

Every file is decrypted, decompressed and hashed by us against the manifest, every segment of the log against its
name, and the log is followed without a gap. ``pgbackrest verify`` runs as well; its words count, not its exit status.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha1, sha256
from typing import Any

from governance.backup.adapter import BackupInfo, Fault, Finding
from governance.backup.pgbackrest.cipher import Read, examine, read_list
from governance.backup.pgbackrest.contents import Contents
from governance.backup.pgbackrest.segments import Parents, needed, runs
from governance.backup.pgbackrest.site import Repository
from governance.backup.pgbackrest.tool import Stored, Tool
from governance.backup.wal import HISTORY, SEGMENT, bounds, first_page, parents
from governance.errors import BackupError

_ARCHIVED = re.compile(r"^(?P<name>[0-9A-F]{24})(?P<partial>\.partial)?-(?P<sha1>[0-9a-f]{40})(\.zst)?$")
_MARK = re.compile(r"^[0-9A-F]{24}\.[0-9A-F]{8}\.backup$")  # where a backup began; nothing reads it
_BAD = re.compile(r"(missing|checksum invalid|size invalid|other): ([1-9][0-9]*)")
_BAD_STATUS = re.compile(r"status: (error|invalid)")
_EMPTY = sha1(b"", usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Known:
    """What is known of a repository from outside it.

    Attributes:
        contents: our own signed records, by label.
        gone: labels that the retention policy destroyed.
        log_before: position before which it let the log go.
        head: the newest segment that the server says it archived (empty: not asked, or none).
        newest_hours: age limit of the newest backup.
    """

    contents: Mapping[str, Contents]
    gone: Mapping[str, str]
    log_before: int
    head: str
    newest_hours: int


@dataclass
class RepositoryCheck:
    """One verification of one repository; :meth:`run` fills the findings."""

    tool: Tool
    repository: Repository
    passphrase: str = field(repr=False)
    known: Known
    now: datetime
    findings: list[Finding] = field(default_factory=list)
    backups: int = 0
    segments: int = 0
    files: int = 0
    bytes: int = 0

    def run(self) -> None:
        """Check everything in the repository.

        Raises:
            BackupError: the repository cannot be listed at all.
        """
        stanza = self.tool.site.stanza
        listed = self.tool.listing(self.repository, "backup") | self.tool.listing(self.repository, "archive")
        stored = self.tool.stored(self.repository)
        if stored.fault:
            self.found(f"backup/{stanza}/backup.info", Fault.UNREADABLE, f"pgBackRest says: {stored.fault}")
        manifests, current = self._manifests(listed)
        self._listed(stored, current, manifests)
        seen = self._data(listed, manifests)
        seen |= self._log(listed, stored)
        seen |= {name for name in listed if name.startswith(f"backup/{stanza}/backup.history/")}
        unread = [f"backup/{stanza}/{label}/" for label in current if label not in manifests]
        unread += [] if current else [f"backup/{stanza}/"]  # what an unreadable list accounts for is not known
        for name in sorted(set(listed) - seen):
            if not name.startswith(tuple(unread)):
                self.found(name, Fault.UNKNOWN, "no manifest of the repository names it; look where it comes from")
        self._ages(stored)
        self._tools_own_words()

    def backup(self, label: str) -> None:
        """Check only the lists and the files that one backup needs; errors as in :meth:`run`."""
        listed = self.tool.listing(self.repository, "backup")
        manifests, _ = self._manifests(listed)
        self._data(listed, {name: manifest for name, manifest in manifests.items() if name == label})

    def found(self, name: str, fault: Fault, words: str) -> None:
        """Note a finding, once a file."""
        file = f"repo{self.tool.site.number(self.repository)}/{name}"
        if all((item.file, item.fault) != (file, fault) for item in self.findings):
            self.findings.append(Finding(file, fault, words))

    def read(self, name: str, passphrase: str, *, keep: bool = False) -> Read:
        """A file, decrypted and hashed.

        Raises:
            BackupError: it cannot be read, or not be decrypted and decompressed.
        """
        with self.tool.reading(self.repository, name) as file:
            result = examine(file, passphrase, name, keep=keep)
        self.files += 1
        self.bytes += result.size
        return result

    def _list(self, name: str, passphrase: str, listed: Mapping[str, int]) -> tuple[dict[str, dict[str, str]], str]:
        """One of the tool's lists and its copy: sections, and the SHA-256 of its plain content; empty when unsound."""
        texts: list[bytes] = []
        for each in (name, f"{name}.copy"):
            if each not in listed:
                self.found(each, Fault.MISSING, "it is missing; pgBackRest lists nothing, or only by its copy")
                continue
            try:
                content = self.read(each, passphrase, keep=True).plain
                read_list(content.decode("utf-8"))
                texts.append(content)
            except BackupError as error:
                self.found(each, Fault.UNREADABLE, str(error))
            except ValueError as error:
                self.found(each, Fault.ALTERED, str(error).splitlines()[0])
        if len(texts) == 2 and texts[0] != texts[1]:
            self.found(f"{name}.copy", Fault.ALTERED, "it is not equal to the file that it is a copy of")
        return (read_list(texts[0].decode("utf-8")), sha256(texts[0]).hexdigest()) if texts else ({}, "")

    def _manifests(self, listed: Mapping[str, int]) -> tuple[dict[str, dict[str, dict[str, str]]], dict[str, Any]]:
        """Sound manifests by label, and the entries of ``backup.info``."""
        folder = f"backup/{self.tool.site.stanza}"
        info, _ = self._list(f"{folder}/backup.info", self.passphrase, listed)
        if not info:
            return {}, {}
        current = {label: json.loads(value) for label, value in info.get("backup:current", {}).items()}
        passphrase = json.loads(info["cipher"]["cipher-pass"])
        manifests = {}
        for label in current:
            manifest, digest = self._list(f"{folder}/{label}/backup.manifest", passphrase, listed)
            if not manifest:
                continue
            manifests[label] = manifest
            contents = self.known.contents.get(label)
            if contents is not None and contents.manifest_sha256 != digest:
                words = "it is not the manifest that was signed when the backup was made"
                self.found(f"{folder}/{label}/backup.manifest", Fault.FORGED, words)
        self.backups = len(manifests)
        return manifests, current

    def _listed(self, stored: Stored, current: Mapping[str, Any], manifests: Mapping[str, Any]) -> None:
        """Backups that ought to be listed, and chains that ought to be whole."""
        folder = f"backup/{self.tool.site.stanza}"
        named = {info.backup_id for info in stored.backups} | set(self.known.contents)
        for label in sorted(named - set(current) - set(self.known.gone)):
            self.found(
                f"{folder}/{label}", Fault.MISSING, "the backup is gone, and no record says that it was destroyed"
            )
        for label, entry in current.items():
            for ancestor in entry.get("backup-reference", []):
                if ancestor not in manifests and ancestor != label:
                    self.found(f"{folder}/{label}", Fault.CHAIN, f"it needs {ancestor}, which is missing or unsound")
        for label in stored.page_errors:
            self.found(f"{folder}/{label}", Fault.PAGE, "pgBackRest met pages with wrong checksums when it copied them")

    def _data(self, listed: Mapping[str, int], manifests: Mapping[str, dict[str, dict[str, str]]]) -> set[str]:
        """Read every file of every backup once; names of the files that a manifest accounts for."""
        folder = f"backup/{self.tool.site.stanza}"
        seen = {f"{folder}/backup.info{end}" for end in ("", ".copy")}
        for label, manifest in manifests.items():
            seen |= {f"{folder}/{label}/backup.manifest{end}" for end in ("", ".copy")}
            passphrase = json.loads(manifest["cipher"]["cipher-pass"])
            ending = ".zst" if json.loads(manifest["backup:option"]["option-compress-type"]) == "zst" else ""
            for file, text in manifest["target:file"].items():
                entry = json.loads(text)
                name = f"{folder}/{entry.get('reference', label)}/{file}{ending}"
                if entry.get("checksum-page") is False:
                    pages = json.dumps(entry.get("checksum-page-error", "?"))
                    self.found(
                        name, Fault.PAGE, f"pages of this file fail their checksum in the database itself: {pages}"
                    )
                if name not in seen:
                    seen.add(name)
                    self._file(name, entry, passphrase, listed)
        return seen

    def _file(self, name: str, entry: Mapping[str, Any], passphrase: str, listed: Mapping[str, int]) -> None:
        if name not in listed:
            self.found(name, Fault.MISSING, "it is missing; every backup that needs it cannot be restored")
            return
        wanted = (entry.get("checksum", _EMPTY), entry["size"])
        try:
            read = self.read(name, passphrase)
        except BackupError as error:
            self.found(name, Fault.ALTERED, f"it does not open with the manifest's key: {error}")
            return
        if (read.sha1, read.size) != wanted:
            self.found(name, Fault.ALTERED, "its content is not what the manifest says; the backup cannot be restored")

    def _log(self, listed: Mapping[str, int], stored: Stored) -> set[str]:
        """Read every archived segment, and look for gaps; names of the files that belong to the log."""
        folder = f"archive/{self.tool.site.stanza}"
        info, _ = self._list(f"{folder}/archive.info", self.passphrase, listed)
        seen = {f"{folder}/archive.info{end}" for end in ("", ".copy")}
        if not info:
            return seen | {name for name in listed if name.startswith(f"{folder}/")}
        passphrase = json.loads(info["cipher"]["cipher-pass"])
        present: set[str] = set()
        forked: dict[int, list[tuple[int, int]]] = {}
        archive = f"{folder}/{json.loads(info['db']['db-version'])}-{info['db']['db-id']}"
        for name in sorted(listed):
            if not name.startswith(f"{folder}/") or name in seen:
                continue
            base = name.rsplit("/", 1)[1]
            archived = _ARCHIVED.match(base)
            if archived:
                seen.add(name)
                if name.startswith(f"{archive}/") and not archived["partial"]:
                    if archived["name"] in present:
                        self.found(name, Fault.ALTERED, "the segment lies here twice with different content")
                    present.add(archived["name"])
                self._segment(name, archived["name"], archived["sha1"], passphrase, stored.system_identifier)
            elif HISTORY.match(base):
                seen.add(name)
                forked |= self._history(name, passphrase)
            elif _MARK.match(base):
                seen.add(name)
        self._gaps(archive, present, forked, stored)
        return seen

    def _segment(self, name: str, segment: str, digest: str, passphrase: str, system: str) -> None:
        self.segments += 1
        try:
            read = self.read(name, passphrase, keep=True)
        except BackupError as error:
            self.found(name, Fault.ALTERED, str(error))
            return
        page = first_page(read.plain)
        timeline, start, end = bounds(segment)
        right = page and (page.timeline <= timeline, page.start) == (True, start) and read.size == end - start
        if read.sha1 != digest or not right:
            self.found(name, Fault.ALTERED, "its content is not the segment that its name says")
        elif page and system and page.system_identifier != system:
            self.found(name, Fault.UNKNOWN, "it is log of another cluster")

    def _history(self, name: str, passphrase: str) -> dict[int, list[tuple[int, int]]]:
        try:
            text = self.read(name, passphrase, keep=True).plain.decode("utf-8")
            return {int(name.rsplit("/", 1)[1][:8], 16): parents(text)}
        except (BackupError, ValueError, IndexError) as error:
            self.found(name, Fault.ALTERED, f"the timeline's history cannot be read ({error})")
            return {}

    def _gaps(self, archive: str, present: set[str], forked: Parents, stored: Stored) -> None:
        standing: list[BackupInfo] = list(stored.backups)
        wanted = needed(
            present | ({self.known.head} if SEGMENT.match(self.known.head) else set()),
            forked,
            standing,
            self.known.log_before,
        )
        for first, count in runs([name for name in wanted if name not in present]):
            words = (
                f"{count} segment(s) of the log are missing from here on: nothing after can be recovered from before"
            )
            self.found(f"{archive}/{first[:16]}/{first}", Fault.GAP, words)

    def _ages(self, stored: Stored) -> None:
        if not stored.backups:
            return
        newest = stored.backups[-1]
        age = self.now - newest.ended_at
        if age > timedelta(hours=self.known.newest_hours):
            hours = age.total_seconds() / 3600
            words = f"the newest backup is {hours:.0f} h old, the policy allows {self.known.newest_hours} h"
            self.found(f"backup/{self.tool.site.stanza}/{newest.backup_id}", Fault.OLD, words)

    def _tools_own_words(self) -> None:
        """What ``pgbackrest verify`` prints; a finding of its own where we found nothing."""
        if self.findings:
            return
        text = self.tool.run(
            *("verify", "--verbose", "--output=text", "--log-level-console=off"),
            repository=self.repository,
            check=False,
        )
        if not text.strip() or _BAD_STATUS.search(text) or _BAD.search(text):
            said = next(
                (line.strip() for line in text.splitlines() if _BAD.search(line) or _BAD_STATUS.search(line)), ""
            )
            words = f"pgbackrest verify finds something wrong here: {said or 'it gave no result'}"
            self.found(f"backup/{self.tool.site.stanza}", Fault.ALTERED, words)
