"""What an object of the log archive holds."""

from __future__ import annotations

import pytest

from governance.backup.archive import _ZEROS, _without_zeros

BLOCK = len(_ZEROS)


@pytest.mark.parametrize("zeros", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
@pytest.mark.parametrize("content", [b"", b"x", b"\x00x", b"x" * BLOCK, b"\x00" * BLOCK + b"x"])
def test_zeros_at_the_end_and_only_those_are_left_away(content: bytes, zeros: int) -> None:
    assert _without_zeros(content + bytes(zeros)) == content
