"""Which values are hunted where, and that none is passed over in silence."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from governance.errors import VerificationError
from governance.verify.hunting import Guard
from governance.verify.identifiers import Reach, gather, judge
from governance.verify.sources import Identifier, read_canaries
from governance.verify.spellings import hunt_unpacked


class Known:
    """A source of given identifiers."""

    def __init__(self, *identifiers: Identifier) -> None:
        self._identifiers = identifiers

    def identifiers(self) -> Iterator[Identifier]:
        yield from self._identifiers


@pytest.mark.parametrize(
    ("kind", "value", "reach"),
    [
        ("PHONE", "13800138000", Reach.EVERYWHERE),
        ("RESIDENT_ID", "11010519491231002X", Reach.EVERYWHERE),
        ("SSN", "999-12-3456", Reach.EVERYWHERE),
        ("SSN", "999123456", Reach.NOWHERE),  # nine digits: too many numbers look like it
        ("PASSPORT", "X12345678X", Reach.EVERYWHERE),
        ("MEDICAL_RECORD_NUMBER", "00012345", Reach.NOWHERE),
        ("MEDICAL_RECORD_NUMBER", "ZY00012345", Reach.EVERYWHERE),
        ("PERSON", "欧阳建国", Reach.EVERYWHERE),
        ("PERSON", "王建国", Reach.CELLS | Reach.TEXT),
        ("PERSON", "高明", Reach.CELLS),
        ("PERSON", "王", Reach.NOWHERE),
        ("PERSON", "Maria", Reach.NOWHERE),
        ("PERSON", "ANNA MULLERSON", Reach.EVERYWHERE),
        ("ADDRESS", "广东省广州市荔湾区龙津路12号", Reach.EVERYWHERE),
        ("ADDRESS", "广东省广州市", Reach.NOWHERE),
        ("ORGANIZATION", "退休", Reach.NOWHERE),
    ],
)
def test_a_value_is_hunted_where_it_can_be_told_from_other_text(kind: str, value: str, reach: Reach) -> None:
    judged, reason = judge(kind, value)
    assert judged == reach
    assert bool(reason) is (reach is Reach.NOWHERE)


def test_equal_values_are_hunted_once_with_all_their_owners() -> None:
    prey = gather(Known(Identifier("PHONE", "13800138000", "a"), Identifier("PHONE", "13800138000", "b")))
    assert len(prey.values) == 1
    assert prey.owners == [{"a", "b"}]


def test_what_is_not_hunted_is_counted_with_its_reason() -> None:
    prey = gather(Known(Identifier("PERSON", "王"), Identifier("MEDICAL_RECORD_NUMBER", "00012345")))
    assert sorted(kind for kind, _ in prey.excluded) == ["MEDICAL_RECORD_NUMBER", "PERSON"]
    assert sum(prey.excluded.values()) == len(prey.values)


def test_spellings_cover_both_encodings_and_json_escapes() -> None:
    prey = gather(Known(Identifier("PERSON", "欧阳建国")))
    patterns = {needle.pattern for needle in prey.needles(Reach.TEXT)}
    assert patterns >= {"欧阳建国".encode(), "欧阳建国".encode("gb18030"), b"\\u6b27\\u9633\\u5efa\\u56fd"}
    assert patterns >= {"欧阳建国".encode("utf-16-le"), "欧阳建国".encode("utf-16-be")}


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("before", range(7))
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
@pytest.mark.parametrize("value", ["欧阳建国", "13800138000", "11010519491231002X"])
def test_a_value_in_base64_is_found_wherever_it_begins(
    value: str, encode: Callable[[bytes], bytes], before: int, encoding: str
) -> None:
    hunter = gather(Known(Identifier("OTHER", value, canary=True))).hunter(Reach.BINARY)
    text = b"~\xff?>number"[:before] + value.encode(encoding) + b"\xfb?>~ rest"
    packed = b"token=" + encode(text)
    assert list(hunt_unpacked(hunter, [packed]))
    assert list(hunt_unpacked(hunter, [packed[:15], packed[15:20], packed[20:]]))
    assert not list(hunt_unpacked(hunter, [encode(text.replace(value.encode(encoding), b"nothing"))]))


def test_a_number_written_with_separators_is_hunted_without_them_too() -> None:
    prey = gather(Known(Identifier("PHONE", "169-9876-0131")))
    needles = prey.needles(Reach.BINARY)
    ascii_ = {needle.pattern for needle in needles if needle.guard is Guard.NO_DIGIT}
    assert ascii_ == {b"169-9876-0131", b"16998760131"}


def test_binary_places_get_no_pattern_that_chance_would_find() -> None:
    prey = gather(Known(Identifier("PERSON", "王建国"), Identifier("PERSON", "欧阳建国")))
    assert all(len(needle.pattern) >= 8 for needle in prey.needles(Reach.BINARY))
    assert not any(prey.values[needle.value].value == "王建国" for needle in prey.needles(Reach.BINARY))


def test_canaries_are_hunted_everywhere_whatever_their_length(tmp_path: Path) -> None:
    file = tmp_path / "canaries.ndjson"
    file.write_text('{"type": "PERSON", "value": "逄燊", "where": "x"}\n\n', "utf-8")
    prey = gather(Known(), file)
    assert prey.hunted(Reach.BINARY) == {"PERSON": 1}
    assert {needle.pattern for needle in prey.needles(Reach.BINARY)} >= {"逄燊".encode()}


def test_a_malformed_canary_file_names_the_line_and_no_value(tmp_path: Path) -> None:
    file = tmp_path / "canaries.ndjson"
    file.write_text('{"type": "PERSON", "value": "逄燊"}\n{"type": "PERSON", "secret": "麴婵翾"}\n', "utf-8")
    with pytest.raises(VerificationError, match="line 2") as caught:
        list(read_canaries(file))
    assert "麴婵翾" not in str(caught.value)


def test_repr_of_an_identifier_shows_no_value() -> None:
    assert "13800138000" not in repr(gather(Known(Identifier("PHONE", "13800138000"))))
