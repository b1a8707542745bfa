"""A place for files through fsspec: objects are written whole under a new name, or not at all, never over another."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

import fsspec

from governance.backup.files.policy import Place
from governance.backup.place import new_file
from governance.errors import BackupError


class Target:
    """A folder, a bucket, or whatever fsspec reaches. Names are relative, with slashes."""

    def __init__(self, place: Place) -> None:
        self.url, self.lock_days = place.url, place.lock_days
        try:
            self._fs, root = fsspec.core.url_to_fs(place.url, **dict(place.options))
        except (ImportError, ValueError) as error:
            raise BackupError(
                f"{place.url} cannot be used ({error}); for S3 install the extra: pip install 'xinglin[s3]'"
            ) from error
        self.root = str(root).rstrip("/")
        protocols = self._fs.protocol if isinstance(self._fs.protocol, tuple) else (self._fs.protocol,)
        self._is_local, self._is_s3 = "file" in protocols, "s3" in protocols
        if place.lock_days is not None and not self._is_s3:
            raise BackupError(f"{place.url} has no object lock; remove lock_days from its entry, or name an S3 bucket")

    def put(self, name: str, write: Callable[[IO[bytes]], object], at: datetime) -> None:
        """Write a new object: ``write`` fills it, and it takes its name when all of it is there.

        Raises:
            BackupError: the name is taken, or the place refuses.
        """
        if self._is_local:
            with new_file(Path(self._path(name))) as file:
                write(file)
            return
        with self._translated(name), tempfile.NamedTemporaryFile(prefix="xinglin-sealed-") as file:
            write(file)
            file.flush()
            self._fs.put_file(file.name, self._path(name), mode="create", **self._lock(at))  # S3: If-None-Match

    def lock_again(self, name: str, at: datetime) -> None:
        """Have an older object that a new snapshot needs refused to deletion as long as a new one.

        Raises:
            BackupError: the place refuses.
        """
        if self.lock_days is not None:
            lock = self._lock(at)
            retention = {"Mode": lock["ObjectLockMode"], "RetainUntilDate": lock["ObjectLockRetainUntilDate"]}
            self._s3(name, "put_object_retention", Retention=retention)

    @contextmanager
    def reading(self, name: str) -> Iterator[IO[bytes]]:
        """An object to read.

        Raises:
            BackupError: it cannot be read.
        """
        with self._translated(name), self._fs.open(self._path(name), "rb") as file:
            yield file

    def listing(self) -> dict[str, int]:
        """Every object of the place: name → bytes.

        Raises:
            BackupError: the place cannot be listed.
        """
        with self._translated(""):
            self._fs.invalidate_cache()
            if not self._fs.exists(self.root):
                return {}
            found = self._fs.find(self.root, detail=True)
        sizes = {path[len(self.root) :]: int(entry["size"] or 0) for path, entry in found.items()}
        return {name[1:]: size for name, size in sizes.items() if "/." not in name}

    def remove(self, name: str) -> None:
        """Remove an object, of a bucket with versions all of them.

        Raises:
            BackupError: the place refuses, because its lock is not yet over for instance.
        """
        if not self._is_s3:
            with self._translated(name):
                self._fs.rm_file(self._path(name))
            return
        bucket, key, _ = self._fs.split_path(self._path(name))
        with self._translated(name):
            versions = self._fs.call_s3("list_object_versions", Bucket=bucket, Prefix=key)
            for version in (*versions.get("Versions", ()), *versions.get("DeleteMarkers", ())):
                if version["Key"] == key:
                    self._fs.call_s3("delete_object", Bucket=bucket, Key=key, VersionId=version["VersionId"])
            self._fs.invalidate_cache()

    def locked_until(self, name: str) -> datetime | None:
        """Until when the place refuses to delete an object, ``None`` without a lock."""
        if not self._is_s3 or self.lock_days is None:
            return None
        found: datetime | None = self._s3(name, "head_object").get("ObjectLockRetainUntilDate")
        return found

    def _s3(self, name: str, method: str, **arguments: Any) -> Any:
        bucket, key, _ = self._fs.split_path(self._path(name))
        with self._translated(name):
            return self._fs.call_s3(method, Bucket=bucket, Key=key, **arguments)

    def _lock(self, at: datetime) -> dict[str, Any]:
        if self.lock_days is None:
            return {}
        until = at + timedelta(days=self.lock_days)
        return {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except BackupError:
            raise
        except FileExistsError as error:
            raise BackupError(f"{self.url}/{name} exists already and is never overwritten") from error
        except Exception as error:  # each file system of fsspec has its own; none may pass unexplained
            words = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise BackupError(f"{self.url}/{name} cannot be used ({words})") from error
