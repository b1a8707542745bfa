"""The archive of the write-ahead log: one object a segment, compressed, encrypted, signed, never overwritten.

    wal/<timeline>/<segment>.zst.age     one line of JSON (:class:`Label`), a line end, the encrypted content

The label is signed and holds the digest of the ciphertext, so an outsider can check an object without a key, and a
segment that is swapped, replaced or brought back under another name is refused.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

import pyarrow as pa
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from anonymization.encryption import Suite
from governance.backup.keys import BackupKeys
from governance.backup.place import new_file
from governance.backup.signing import Checker, canonical
from governance.backup.streams import SUFFIX, DamagedError, seal, unseal
from governance.backup.wal import HISTORY, SEGMENT, SEGMENT_BYTES, bounds, first_page
from governance.errors import BackupError

FOLDER = "wal"
_LABEL_LIMIT = 4096
_ZEROS = bytes(1 << 16)


class Label(BaseModel):
    """What stands before the content of an object.

    Attributes:
        name: of the segment or history file, as PostgreSQL names it.
        plain_sha256, plain_size: of its content without the zero bytes at its end (a segment that was closed by the
            clock is mostly zeros); two segments of one name with unlike content cannot be.
        sha256, size: of the encrypted content that follows.
        until: the newest moment for which it is known that every earlier commit is in the archive up to here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    name: str = Field(pattern=r"^([0-9A-F]{24}|[0-9A-F]{8}\.history)$")
    system_identifier: str
    plain_sha256: str
    plain_size: int
    sha256: str
    size: int
    sealed_at: AwareDatetime
    until: AwareDatetime | None = None
    signature: str = ""


@dataclass(frozen=True)
class Entry:
    """One object of the archive, its label read and checked."""

    path: Path
    label: Label

    @property
    def name(self) -> str:
        """Name of the segment or history file."""
        return self.label.name


def object_path(backups: Path, name: str, suite: Suite) -> Path:
    """Where a segment lies."""
    return backups / FOLDER / name[:8] / f"{name}.zst{SUFFIX[suite]}"


def store(backups: Path, content: bytes, draft: Label, keys: BackupKeys) -> Entry:
    """Put a segment into the archive; the same content under the same name again changes nothing.

    Args:
        draft: a label whose digests, sizes and signature are filled in here.

    Raises:
        BackupError: the archive holds other content under this name, or cannot be written.
    """
    content = _without_zeros(content)
    plain = sha256(content).hexdigest()
    path = object_path(backups, draft.name, keys.suite)
    for suite in Suite:
        standing = object_path(backups, draft.name, suite)
        if standing.exists():
            entry = read_label(standing, keys.checker)
            same = (plain, draft.system_identifier) == (entry.label.plain_sha256, entry.label.system_identifier)
            if same:
                return entry
            raise BackupError(
                f"{standing} holds other content than the segment that the server now sends, and is never overwritten; "
                "two clusters archive into one place: give each its own (XINGLIN_BACKUPS)"
            )
    sealed = io.BytesIO()
    seal(io.BytesIO(pa.Codec("zstd", compression_level=1).compress(content, asbytes=True)), sealed, keys)
    body = sealed.getvalue()
    label = draft.model_copy(
        update={
            **{"plain_sha256": plain, "plain_size": len(content)},
            **{"sha256": sha256(body).hexdigest(), "size": len(body)},
        }
    )
    label = label.model_copy(update={"signature": keys.signer.sign(label.model_dump(mode="json"))})
    with new_file(path) as file:
        file.write(canonical(label.model_dump(mode="json")) + b"\n")
        file.write(body)
    return Entry(path, label)


def _without_zeros(content: bytes) -> bytes:
    """The content up to its last byte that is not zero, by blocks: ``rstrip`` alone takes 0.1 s a segment."""
    end = len(content)
    while content.endswith(_ZEROS, 0, end):
        end -= len(_ZEROS)
    return content[:end].rstrip(b"\x00")


def read_label(path: Path, checker: Checker | None) -> Entry:
    """Read and check the label of an object, not its content.

    Raises:
        BackupError: it is damaged, was altered, or is the object of another name.
    """
    try:
        with path.open("rb") as file:
            line = file.readline(_LABEL_LIMIT)
        label = Label.model_validate_json(line)
    except (OSError, ValidationError, ValueError) as error:
        raise BackupError(f"{path} has no readable label ({type(error).__name__}): it is damaged") from error
    if checker is not None and not checker.holds(label.model_dump(mode="json")):
        raise BackupError(f"{path}: its label was altered, or another installation signed it")
    if path.name.split(".zst")[0] != label.name or path.parent.name != label.name[:8]:
        raise BackupError(f"{path} is the object of {label.name}: it was moved or renamed")
    return Entry(path, label)


def fetch(entry: Entry, keys: BackupKeys) -> bytes:
    """The content of an object, after every check.

    Raises:
        BackupError: it is damaged or cut short, the key does not fit, or its content is not what its name says.
    """
    body = intact(entry)
    plain = io.BytesIO()
    try:
        unseal(io.BytesIO(body), plain, keys)
        content = bytes(pa.Codec("zstd").decompress(plain.getvalue(), entry.label.plain_size, asbytes=True))
    except BackupError as error:
        raise BackupError(f"{entry.path} cannot be opened: {error}") from error
    except (OSError, pa.ArrowException) as error:
        raise BackupError(f"{entry.path} cannot be decompressed ({error})") from error
    if sha256(content).hexdigest() != entry.label.plain_sha256:
        raise BackupError(f"{entry.path} does not hold what its label says")
    if SEGMENT.match(entry.name):
        content = content.ljust(SEGMENT_BYTES, b"\x00")
        timeline, start, _ = bounds(entry.name)
        page = first_page(content)
        right = page and (page.timeline <= timeline, page.start, page.system_identifier) == (
            *(True, start),
            entry.label.system_identifier,
        )
        if not right or len(content) != SEGMENT_BYTES:
            raise BackupError(f"{entry.path} holds no segment {entry.name} of this cluster's log")
    return content


def intact(entry: Entry) -> bytes:
    """The encrypted content of an object, equal to what its label says.

    Raises:
        BackupError: it is damaged or cut short, or something was added to it.
    """
    try:
        with entry.path.open("rb") as file:
            file.readline(_LABEL_LIMIT)
            body = file.read()
    except OSError as error:
        raise BackupError(f"{entry.path} cannot be read ({error.strerror})") from error
    if (len(body), sha256(body).hexdigest()) != (entry.label.size, entry.label.sha256):
        raise DamagedError(f"{entry.path} is damaged: its SHA-256 is not what was signed")
    return body


def list_archive(backups: Path, checker: Checker | None) -> tuple[dict[str, Entry], list[tuple[Path, str]]]:
    """Objects with sound labels by name, in order, and files that are none, with what is wrong."""
    entries, faults = {}, []
    for path in sorted((backups / FOLDER).glob("*/*")):
        if path.name.startswith("."):
            continue
        try:
            entry = read_label(path, checker)
        except BackupError as error:
            faults.append((path, str(error)))
            continue
        entries[entry.name] = entry
    return entries, faults


def is_log(name: str) -> bool:
    """Whether a name is that of a finished segment or a history file."""
    return bool(SEGMENT.match(name) or HISTORY.match(name))
