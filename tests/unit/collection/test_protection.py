"""Protection at the door: what leaves memory is a token, an index, a ciphertext or what may be kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from anonymization.encryption import Suite
from governance.collection.protection import Protected, Protector, row_ids
from governance.collection.records import Batch, Judged, Judgement
from governance.contracts import Contract, Field, Protection
from governance.contracts.model import LogicalType
from governance.keys import Keyring

Protect = Callable[..., Protected]
BATCH = 9


@pytest.fixture
def protect(contracts: Callable[..., Contract], keyring: Keyring) -> Protect:
    """Protects rows of a contract; all are accepted unless ``keep`` says otherwise."""

    def protecting(
        given: list[Field], rows: list[list[str | None]], typed: dict[str, list[Any]] | None = None,
        keep: list[bool] | None = None, **of_contract: Any,
    ) -> Protected:  # fmt: skip
        contract = contracts(given, **of_contract)
        frame = pl.DataFrame(rows, schema={f.name: pl.String for f in given}, orient="row")
        lines = np.arange(2, 2 + len(rows))
        raws = ["\x1f".join(v or "" for v in row).encode() for row in rows]
        batch = Batch(2, frame, lines, raws, [], "")
        values = frame.with_columns(**{name: pl.Series(v) for name, v in (typed or {}).items()})
        protector, kept = Protector(contract, keyring), np.array(keep or [True] * len(rows), bool)
        judged = Judged(batch, Judgement(values, ~kept, {}), protector.tokens(frame), protector.hashes(batch))
        return protector.protect(judged, kept, BATCH)

    return protecting


@pytest.fixture
def patient(fields: Callable[..., Field]) -> list[Field]:
    return [
        fields("patient_no", protection=(Protection.TOKENIZE, Protection.ENCRYPT), token_domain="his.patient"),
        fields("name", protection=(Protection.ENCRYPT, Protection.BLIND_INDEX), index_domain="name"),
        fields("note", protection=(Protection.SCRUB,)),
        fields("secret", protection=(Protection.DROP,)),
    ]


def test_no_rows_are_protected_to_no_rows(protect: Protect, patient: list[Field]) -> None:
    protected = protect(patient, [], patient_key="patient_no")
    assert (protected.landing.height, protected.encrypted_values, protected.tokenised_values) == (0, 0, 0)


def test_null_stays_null(protect: Protect, patient: list[Field]) -> None:
    protected = protect(patient, [[None, None, None, None], ["1", "a", None, None]], patient_key="patient_no")
    assert protected.landing.row(0)[:2] == (None, None)


def test_a_row_of_nulls_has_no_row_in_the_vault(protect: Protect, patient: list[Field]) -> None:
    protected = protect(patient, [[None, None, None, None], ["1", "a", None, None]], patient_key="patient_no")
    assert protected.vault is not None
    assert protected.vault["_row_id"].to_list() == row_ids(BATCH, np.array([3])).tolist()


def test_no_identifier_stands_in_plain(protect: Protect, patient: list[Field]) -> None:
    protected = protect(patient, [["87777777", "禤馥莼", "病史：禤馥莼", "秘密"]], patient_key="patient_no")
    assert protected.vault is not None
    stored = protected.landing.write_csv() + protected.vault.write_csv()
    assert not [value for value in ("87777777", "禤馥莼", "秘密") if value in stored]


def test_a_dropped_field_has_no_column(protect: Protect, patient: list[Field]) -> None:
    protected = protect(patient, [["1", "a", "b", "c"]], patient_key="patient_no")
    assert protected.vault is not None
    assert "secret" not in protected.landing.columns + protected.vault.columns


def test_refused_rows_are_left_out(protect: Protect, patient: list[Field]) -> None:
    rows = [["1", "a", "b", "c"], ["2", "a", "b", "c"]]
    protected = protect(patient, rows, keep=[False, True], patient_key="patient_no")
    assert protected.landing["_row_number"].to_list() == [3]


def test_row_ids_hold_batch_and_line() -> None:
    (row_id,) = row_ids(7, np.array([12])).tolist()
    assert (row_id >> 32, row_id & 0xFFFFFFFF) == (7, 12)


def test_one_domain_joins_across_systems_and_others_do_not(protect: Protect, fields: Callable[..., Field]) -> None:
    def token(contract_id: str, domain: str) -> str:
        visit = fields("visit_no", protection=(Protection.TOKENIZE,), token_domain=domain)
        source, table = contract_id.split(".")
        protected = protect([visit], [["V1"]], id=contract_id, source=source, table=table)
        return str(protected.landing["visit_no"][0])

    assert token("his.visit", "his.visit") == token("lis.result", "his.visit") != token("lis.result", "lis.visit")


def test_tokens_of_repeated_values_are_those_of_single_ones(protect: Protect, fields: Callable[..., Field]) -> None:
    number = fields("no", protection=(Protection.TOKENIZE,), token_domain="d")
    repeated = protect([number], [["1"], ["1"], [None], ["2"]]).landing["no"].to_list()
    single = protect([number], [["1"], ["2"]]).landing["no"].to_list()
    assert repeated == [single[0], single[0], None, single[1]]


def test_a_ciphertext_opens_at_its_own_row_for_its_own_person(
    protect: Protect, patient: list[Field], keyring: Keyring
) -> None:
    protected = protect(patient, [["1", "禤馥莼", None, None]], patient_key="patient_no")
    assert protected.vault is not None
    sealed = bytes.fromhex(protected.vault["name"][0].removeprefix("\\x"))
    person = protected.vault["_patient_key"][0]
    plain = keyring.cipher().decrypt("vault.clinic_table.name", sealed, protected.vault["_row_id"][0], person)
    assert plain.decode() == "禤馥莼"


@pytest.mark.parametrize("written", ["1.50", "0.1000000000000000055511151231257827", "1e3", "-0"])
def test_a_number_is_stored_as_it_was_written(protect: Protect, fields: Callable[..., Field], written: str) -> None:
    number = fields("value", logical_type=LogicalType.NUMBER)
    assert protect([number], [[written]], {"value": [float(written)]}).landing["value"].to_list() == [written]


def test_a_date_is_stored_as_a_date(protect: Protect, fields: Callable[..., Field]) -> None:
    day = fields("day", logical_type=LogicalType.DATE, format="%Y%m%d", protection=(Protection.SHIFT_DATE,))
    assert protect([day], [["20240229"]], {"day": [date(2024, 2, 29)]}).landing["day"].to_list() == [date(2024, 2, 29)]


def test_a_generalised_value_stands_alone(protect: Protect, fields: Callable[..., Field]) -> None:
    address = fields("home", protection=(Protection.GENERALIZE,), generalize_to="division_city")
    landing = protect([address], [["广东省广州市荔湾区藕香榭路7788号"], ["藕香榭路"], [None]]).landing
    assert landing["home_general"].to_list() == ["广东省广州市", None, None]
    assert "home" not in landing.columns


def test_a_contract_without_secrets_has_no_vault(protect: Protect, fields: Callable[..., Field]) -> None:
    assert protect([fields("unit")], [["g/L"]]).vault is None


def test_values_are_counted(protect: Protect, patient: list[Field]) -> None:
    protected = protect(patient, [["1", "a", "b", None], ["2", None, None, None]], patient_key="patient_no")
    assert (protected.encrypted_values, protected.tokenised_values) == (4, 3)


def test_a_field_is_encrypted_in_the_suite_that_its_contract_names(
    protect: Protect, fields: Callable[..., Field], keyring: Keyring
) -> None:
    given = [
        fields("name", protection=(Protection.ENCRYPT,), suite=Suite.GM),
        fields("mobile", protection=(Protection.ENCRYPT,)),
        fields("sex"),
    ]
    vault = protect(given, [["王芳", "15498760013", "2"]]).vault
    assert vault is not None
    sealed = [bytes.fromhex(vault[column][0][2:]) for column in ("name", "mobile")]
    assert [value[0] for value in sealed] == [Suite.GM.number, Suite.INTL.number]
    row = int(vault["_row_id"][0])
    assert keyring.cipher().decrypt("vault.clinic_table.name", sealed[0], row, None).decode() == "王芳"
