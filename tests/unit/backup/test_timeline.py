"""Names of the log's segments, and what an archive of them covers, over forks of the timeline."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from governance.backup.archive import Entry, Label
from governance.backup.manifest import Manifest
from governance.backup.timeline import gaps, ranges, stretch
from governance.backup.wal import bounds, first_page, following, parents, position, segment_at
from tests.unit.backup.test_manifest import MOMENT, manifest


def entry(name: str, minute: int | None = None) -> Entry:
    until = None if minute is None else MOMENT + timedelta(minutes=minute)
    digests = {"plain_sha256": "", "plain_size": 0, "sha256": "", "size": 0}
    label = Label.model_validate(
        {"name": name, "system_identifier": "1", "sealed_at": MOMENT, "until": until, **digests}
    )
    return Entry(Path(name), label)


def segments(timeline: int, numbers: list[int]) -> dict[str, Entry]:
    names = [f"{timeline:08X}{0:08X}{number:08X}" for number in numbers]
    return {name: entry(name, number) for name, number in zip(names, numbers, strict=True)}


def backup(timeline: int = 1, number: int = 2) -> Manifest:
    at = number << 24
    return manifest().model_copy(
        update={"timeline": timeline, "start_lsn": f"0/{at + 40:X}", "end_lsn": f"0/{at + 400:X}"}
    )


@pytest.mark.parametrize(
    ("lsn", "name"),
    [
        ("0/0", "000000010000000000000000"),
        ("0/4000028", "000000010000000000000004"),
        ("1/FF000000", "0000000100000001000000FF"),
    ],
)
def test_a_position_lies_in_its_segment(lsn: str, name: str) -> None:
    assert segment_at(1, position(lsn)) == name
    _, start, end = bounds(name)
    assert start <= position(lsn) < end


def test_the_segment_after_the_last_of_a_log_file_is_the_first_of_the_next() -> None:
    assert following("0000000100000001000000FF") == "000000010000000200000000"


def test_a_page_that_is_no_first_page_is_told() -> None:
    assert first_page(b"") is None
    assert first_page(b"\x16\xd1\x00\x00" + bytes(60)) is None


def test_a_history_file_names_the_ancestors() -> None:
    assert parents("1\t0/3000100\tbecause\n\n2\t0/5000000\tagain\n") == [(1, 0x3000100), (2, 0x5000000)]


def test_a_stretch_begins_with_the_backup_and_ends_before_a_gap() -> None:
    found = stretch(segments(1, [1, 2, 3, 5]), {}, backup())
    assert [item.name[-1] for item in found.entries] == ["2", "3"]
    assert found.until == MOMENT + timedelta(minutes=3)


def test_without_the_first_segment_there_is_none() -> None:
    assert stretch(segments(1, [3, 4]), {}, backup()).entries == ()
    assert ranges([backup()], segments(1, [3, 4]), {}) == ()


def test_a_stretch_follows_the_timeline_that_goes_on_from_the_backup() -> None:
    entries = segments(1, [2, 3, 4, 5]) | segments(2, [4, 5, 6]) | {"00000002.history": entry("00000002.history")}
    found = stretch(entries, {2: [(1, (4 << 24) + 7)]}, backup())
    assert [(item.name[7], item.name[-1]) for item in found.entries] == [
        *(("1", "2"), ("1", "3"), ("1", "4")),
        *(("2", "4"), ("2", "5"), ("2", "6")),
    ]
    assert found.timeline == 2
    assert [item.name for item in found.histories] == ["00000002.history"]


def test_a_timeline_that_left_before_the_backup_was_complete_is_not_followed() -> None:
    entries = segments(1, [2, 3, 4]) | segments(2, [2, 3])
    assert stretch(entries, {2: [(1, (2 << 24) + 100)]}, backup()).timeline == 1


def test_a_backup_on_the_new_timeline_does_not_look_back() -> None:
    entries = segments(1, [2, 3]) | segments(2, [3, 4])
    found = stretch(entries, {2: [(1, (3 << 24) + 7)]}, backup(2, 3))
    assert [item.name for item in found.entries] == list(segments(2, [3, 4]))


def test_gaps_are_named_on_each_timeline_and_a_new_timeline_is_none() -> None:
    entries = segments(1, [2, 3, 6]) | segments(2, [6, 7])
    assert [missing for _, missing in gaps(entries)] == ["000000010000000000000004"]


def test_the_newest_range_names_the_segment_at_which_it_breaks_and_an_older_gap_that_a_backup_bridges_does_not() -> (
    None
):
    broken = ranges([backup()], segments(1, [2, 3, 5]), {})
    assert [item.broken_at for item in broken] == ["000000010000000000000004"]
    bridged = ranges([backup(), backup(1, 5)], segments(1, [2, 3, 5, 6]), {})
    assert [item.broken_at for item in bridged] == ["", ""]


def test_ranges_end_with_the_newest_moment_and_touching_ones_are_one() -> None:
    entries = segments(1, [2, 3, 4])
    covered = ranges([backup(), backup(1, 3)], entries, {})
    assert [(item.earliest, item.until) for item in covered] == [(MOMENT, datetime(2026, 6, 1, 12, 4, tzinfo=UTC))]
