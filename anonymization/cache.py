"""What is remembered of texts seen before, by a keyed hash of their content: no plain text is kept, memory is bounded.

Notes repeat: templates, copied paragraphs, runs that start again. Detection is remembered by the text alone, and covers
only what does not depend on a patient; a whole outcome is remembered by the text with everything that it depends on.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from threading import Lock
from typing import Final, Generic, TypeVar

Value = TypeVar("Value")
_KEY: Final = secrets.token_bytes(32)
"""New in each process: hashes mean nothing outside of it."""


def content_hash(*parts: str) -> bytes:
    """Return 16 bytes over some texts, keyed; unpaired surrogates are fine."""
    digest = hashlib.blake2b(key=_KEY, digest_size=16)
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.digest()


class ContentCache(Generic[Value]):
    """The latest values by content hash, up to a total weight (about bytes); what was used longest ago goes first.

    Threads may share one.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._weight = 0
        self._lock = Lock()
        self._values: OrderedDict[bytes, tuple[Value, int]] = OrderedDict()

    def get(self, key: bytes) -> Value | None:
        """Return the value of a hash, or None."""
        with self._lock:
            held = self._values.get(key)
            if held is None:
                return None
            self._values.move_to_end(key)
            return held[0]

    def put(self, key: bytes, value: Value, weight: int) -> None:
        """Remember a value; one heavier than a sixteenth of the capacity is not kept."""
        with self._lock:
            if weight > self._capacity // 16 or key in self._values:
                return
            self._values[key] = value, weight
            self._weight += weight
            while self._weight > self._capacity:
                _, (_, released) = self._values.popitem(last=False)
                self._weight -= released

    def __len__(self) -> int:
        return len(self._values)
