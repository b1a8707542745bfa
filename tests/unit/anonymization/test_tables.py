"""De-identification of tables: what stays, what moves, what is held back, and that nothing goes through unseen."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from anonymization.dates import derive_shift_days
from anonymization.entities import Entity
from anonymization.errors import PolicyError
from anonymization.generalize import division_city
from anonymization.policy import load_policy
from anonymization.table_policy import ColumnPolicy, TablePolicy, Treatment
from anonymization.tables import TableDeidentifier
from anonymization.text import TextDeidentifier
from governance.settings import Settings

KEY = b"k" * 32
TODAY = date(2026, 6, 1)
COLUMNS = {
    "patient": ColumnPolicy(Treatment.PSEUDONYM, domain="patient"),
    "referred_by": ColumnPolicy(Treatment.PSEUDONYM, domain="patient"),
    "name": ColumnPolicy(Treatment.DROP, entity=Entity.PERSON),
    "born": ColumnPolicy(Treatment.BIRTH_YEAR),
    "seen": ColumnPolicy(Treatment.SHIFT_DATE, date_format="%Y%m%d"),
    "address": ColumnPolicy(Treatment.GENERALIZE, generalize=division_city),
    "job": ColumnPolicy(Treatment.KEEP, minimum_persons=2),
    "code": ColumnPolicy(Treatment.KEEP),
}
HIV = {"code": {"hiv": re.compile("^B2[0-4]"), "syphilis": re.compile("^A5[0-3]")}}


def table() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "patient": ["P1", "P1", "P2", "P3"],
            "referred_by": [None, "P2", None, None],
            "name": ["许飘杰", "许飘杰", "欧阳萍萍", "郭力"],
            "born": [date(1980, 5, 1), date(1980, 5, 1), date(1930, 1, 1), None],
            "seen": ["20260301", "2026-03-02", None, "20260303"],
            "address": ["浙江省杭州市西湖区文三路1号", None, "不详", "上海市徐汇区"],
            "job": ["教师", "教师", "教师", "宇航员"],
            "code": ["I10", "B20.1", "A51", "C50"],
        }
    )


def test_each_column_is_treated_as_its_policy_says() -> None:
    done = TableDeidentifier(TablePolicy(COLUMNS, "patient"), KEY).deidentify(table(), today=TODAY)
    made: pl.DataFrame = done.table
    days = timedelta(days=derive_shift_days(KEY, "P1"))
    assert made.columns == ["patient", "referred_by", "born", "seen", "address", "job", "code"]
    assert made["patient"][0] == made["patient"][1] != made["patient"][2] == made["referred_by"][1]
    assert made["patient"].str.contains("^[0-9a-f]{32}$").all()
    assert made["seen"][0] == f"{datetime(2026, 3, 1) + days:%Y%m%d}"
    assert made["seen"][1] is None
    assert done.withheld["seen"] == 1
    assert made["born"].to_list() == [(date(1980, 5, 1) + days).year] * 2 + [None, None]
    assert made["address"].to_list() == ["浙江省杭州市", None, None, "上海市"]
    assert made["job"].to_list() == ["教师", "教师", "教师", None]
    assert dict(done.rare) == {"job": 1}
    assert done.rows_in == made.height == 4


def test_a_value_is_rare_by_its_persons_not_by_its_rows() -> None:
    frame = table().with_columns(pl.Series("job", ["矿工", "矿工", "教师", "教师"]))
    done = TableDeidentifier(TablePolicy(COLUMNS, "patient"), KEY).deidentify(frame, today=TODAY)
    assert done.table["job"].to_list() == [None, None, "教师", "教师"]


def test_rows_of_level_5_stay_behind_unless_an_approval_names_their_disease() -> None:
    deidentifier = TableDeidentifier(TablePolicy(COLUMNS, "patient", HIV), KEY)
    held = deidentifier.deidentify(table(), today=TODAY)
    assert held.table["code"].to_list() == ["I10", "C50"]
    assert held.held_back == {"hiv": 1, "syphilis": 1}
    released = deidentifier.deidentify(table(), released={"hiv"}, today=TODAY)
    assert released.table["code"].to_list() == ["I10", "B20.1", "C50"]
    assert released.held_back == {"syphilis": 1}


def test_the_same_key_gives_the_same_table_and_another_key_another_one() -> None:
    first, again, other = (
        TableDeidentifier(TablePolicy(COLUMNS, "patient"), key).deidentify(table(), today=TODAY).table
        for key in (KEY, KEY, b"o" * 32)
    )
    assert first.equals(again)
    assert set(first["patient"]).isdisjoint(other["patient"])


def test_texts_are_scrubbed_with_what_the_table_says_of_their_person_and_dates_agree() -> None:
    columns = COLUMNS | {"note": ColumnPolicy(Treatment.SCRUB)}
    frame = table().with_columns(
        pl.Series("note", ["飘杰2026年3月1日来诊，血压120/80mmHg。", None, "\x00\x01" * 40, "无不适。"]),
        pl.Series("patient", ["P1", "P1", "P2", None]),
    )
    texts = TextDeidentifier(load_policy(Settings().policy), KEY)
    done = TableDeidentifier(TablePolicy(columns, "patient"), KEY, texts=texts).deidentify(frame, today=TODAY)
    note = done.table["note"][0]
    assert "飘杰" not in note
    assert "血压120/80mmHg" in note
    moved = date(2026, 3, 1) + timedelta(days=derive_shift_days(KEY, "P1"))
    assert f"{moved.year}年{moved.month}月{moved.day}日" in note
    assert done.table["note"].to_list()[1:] == [None, None, None]
    assert done.withheld["note"] == 2  # one unreadable, one without a person


def test_arrow_in_is_arrow_out() -> None:
    done = TableDeidentifier(TablePolicy(COLUMNS, "patient"), KEY).deidentify(table().to_arrow(), today=TODAY)
    assert isinstance(done.table, pa.Table)
    assert done.table.num_rows == 4


def test_what_the_policy_does_not_cover_is_refused() -> None:
    deidentifier = TableDeidentifier(TablePolicy(COLUMNS, "patient"), KEY)
    with pytest.raises(PolicyError, match="without a policy: phone"):
        deidentifier.deidentify(table().with_columns(phone=pl.lit("x")))
    with pytest.raises(PolicyError, match="lacks the column patient"):
        deidentifier.deidentify(table().drop("patient"))
    with pytest.raises(PolicyError, match="shorter than 16"):
        TableDeidentifier(TablePolicy(COLUMNS, "patient"), b"short")
    with pytest.raises(PolicyError, match="no column of persons"):
        TableDeidentifier(TablePolicy(COLUMNS), KEY)
    with pytest.raises(PolicyError, match="Pass a TextDeidentifier"):
        TableDeidentifier(TablePolicy({"p": COLUMNS["patient"], "t": ColumnPolicy(Treatment.SCRUB)}, "p"), KEY)
    with pytest.raises(PolicyError, match="does not say how"):
        TableDeidentifier(TablePolicy({"a": ColumnPolicy(Treatment.GENERALIZE)}), KEY)


def test_an_empty_table_stays_empty() -> None:
    done = TableDeidentifier(TablePolicy(COLUMNS, "patient", HIV), KEY).deidentify(table().clear(), today=TODAY)
    assert done.table.height == done.rows_in == 0


def test_a_pandas_table_is_treated_like_any_other_and_stays_one() -> None:
    given = table()
    frame = pd.DataFrame({name: given[name].to_list() for name in given.columns})
    deidentifier = TableDeidentifier(TablePolicy(COLUMNS, "patient", HIV), KEY)
    done, same = deidentifier.deidentify(frame, today=TODAY), deidentifier.deidentify(given, today=TODAY)
    assert isinstance(done.table, pd.DataFrame)
    assert (done.held_back, done.rare, done.withheld) == (same.held_back, same.rare, same.withheld)
    assert [[None if pd.isna(value) else value for value in row] for row in done.table.values.tolist()] == [
        list(row) for row in same.table.rows()
    ]
