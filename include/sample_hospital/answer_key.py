"""The answer key: what the generator knows and the pipeline must find out by itself. The pipeline never reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, BinaryIO

from include.sample_hospital.errors import OccupiedFolderError

GROWING = ("defects", "spans", "canaries")


class AnswerKey:
    """NDJSON files in one folder. The growing ones are appended to per delivery; ``counts.json`` remembers where the
    last complete delivery ended, so that an interrupted run is cut back and repeated.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        """Open the key of the hospital with these settings; raise OccupiedFolderError when it holds another one."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._state: dict[str, Any] = {"settings": settings, "deliveries": {}}
        counts = folder / "counts.json"
        if counts.exists():
            self._state = json.loads(counts.read_text(encoding="utf-8"))
            if self._state.get("settings") != settings:
                raise OccupiedFolderError(
                    f"{folder} holds the key of a hospital made with {self._state.get('settings')}, "
                    f"asked for {settings}: give the same settings or another (empty) folder"
                )
        self._handles: dict[str, BinaryIO] = {}

    @property
    def deliveries(self) -> list[str]:
        """The dates of the complete deliveries, in order."""
        return list(self._state["deliveries"])

    def counts(self, delivery: str) -> dict[str, int]:
        return dict(self._state["deliveries"][delivery]["files"])

    def drop_incomplete(self, present: list[str]) -> None:
        """Keep only the leading deliveries whose files are all ``present``; the key's lines about the rest are cut off
        by ``begin``.
        """
        kept: dict[str, Any] = {}
        for name, state in self._state["deliveries"].items():
            if name not in present:
                break
            kept[name] = state
        self._state["deliveries"] = kept

    def begin(self) -> None:
        """Open the growing files behind the last complete delivery."""
        ends = list(self._state["deliveries"].values())
        for name in GROWING:
            path = self.folder / f"{name}.ndjson"
            path.touch()
            handle = path.open("r+b", buffering=1 << 18)
            handle.truncate(ends[-1]["key_bytes"][name] if ends else 0)
            handle.seek(0, 2)
            self._handles[name] = handle

    def add(self, name: str, record: dict[str, Any]) -> None:
        self._handles[name].write(_line(record))

    def complete(self, delivery: str, files: dict[str, int]) -> None:
        """Record a delivery as complete: rows per file and the key's sizes."""
        for handle in self._handles.values():
            handle.flush()
        sizes = {name: handle.tell() for name, handle in self._handles.items()}
        self._state["deliveries"][delivery] = {"files": files, "key_bytes": sizes}
        self.replace_json("counts.json", self._state)

    def close(self) -> None:
        for handle in self._handles.values():
            handle.close()
        self._handles = {}

    def replace_json(self, name: str, content: Any) -> None:
        part = self.folder / f"{name}.part"
        part.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        part.replace(self.folder / name)

    def open_new(self, name: str) -> BinaryIO:
        """Open an NDJSON file that is written anew in every run (persons, breast_cancer)."""
        return (self.folder / f"{name}.ndjson").open("wb", buffering=1 << 18)

    @staticmethod
    def write_line(handle: BinaryIO, record: dict[str, Any]) -> None:
        handle.write(_line(record))


def _line(record: dict[str, Any]) -> bytes:
    return (json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
