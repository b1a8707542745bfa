"""Canonical lines: details are JSON with sorted keys, and what is no JSON is refused."""

from __future__ import annotations

import json
import math
from uuid import UUID

import pytest

from governance.audit.encoding import Kind, Record, canonical, fields
from governance.errors import AuditError

MOMENT = "2026-01-31 09:30:00.25+00"


def test_a_detail_comes_back_from_its_line() -> None:
    detail = {"文件": 'a\\b\t"c"\n', "count": 3, "rate": 0.25, "none": None, "list": [1, {"b": 1, "a": 2}]}
    line = canonical(7, "hmac-sm3/1", MOMENT, Record(Kind.BACKUP, "a\tb", detail=detail), "xinglin")
    read = fields(line)
    assert json.loads(read["detail"] or "") == detail
    assert list(json.loads(read["detail"] or "")) == sorted(detail)
    assert (read["seq"], read["object"], read["count"]) == ("7", "a\tb", None)


@pytest.mark.parametrize("value", [math.nan, math.inf, object(), "\udc80"])
def test_what_is_no_json_is_refused(value: object) -> None:
    with pytest.raises(AuditError, match="not appended"):
        canonical(1, "hmac-sm3/1", MOMENT, Record(Kind.BACKUP, detail={"value": value}), "xinglin")


def test_a_zero_byte_is_refused() -> None:
    with pytest.raises(AuditError, match="zero byte"):
        canonical(1, "hmac-sm3/1", MOMENT, Record(Kind.BACKUP, "a\x00"), "xinglin")
    identity = UUID(int=1)
    line = canonical(1, "hmac-sm3/1", MOMENT, Record(Kind.BACKUP, detail={"run": identity}), "xinglin")
    assert json.loads(fields(line)["detail"] or "") == {"run": str(identity)}
