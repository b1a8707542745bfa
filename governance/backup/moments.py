"""Moments as people write them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from governance.errors import BackupError


def parse_moment(text: str) -> datetime:
    """A moment in ISO 8601; without a zone it is China Standard Time.

    Raises:
        BackupError: it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BackupError(f"--time {text} is no moment; write 2026-06-01T12:00:00 or with +08:00 after it") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone(timedelta(hours=8)))
