"""Rows of level 5 (HIV, syphilis …): held back, and released to a project only while its approval names the disease.

The sample hospital has too few of them, so they are planted in base: diagnoses, tests, orders, drugs and operations of
patients with hypertension, whom a third project enrols that the test writes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors, sql
from typer.testing import CliRunner

from governance.access.approvals import approve, releases, revoke
from governance.access.drift import drift
from governance.access.journal import import_journal
from governance.cli import app
from governance.collection.horizon import horizon
from governance.contracts import load_catalogue
from governance.database import Role, connect
from governance.errors import AccessError
from governance.keys.purge import purge
from governance.lifecycle.deidentifying import prepare_deidentification
from governance.lifecycle.layers import build_layer
from governance.lifecycle.records import stages_behind
from governance.migrate import migrate
from governance.projects import build_projects
from governance.settings import PROJECT as CHECKOUT
from governance.verify import Context, run_checks
from tests.conftest import Warehouse
from tests.integration.access_site import PERSON, Site, begin
from tests.integration.conftest import copy_of

pytestmark = pytest.mark.integration
PROJECT, OTHER = "blood_borne", "hypertension_follow_up"
PURPOSE, PLAIN_PURPOSE = "经血传播疾病与血压", "只看血压的随访"
TABLES = ("diagnosis", "lab_result", "clinical_order", "medication", "procedure")
KEYS = {"diagnosis": "diagnosis_key", "lab_result": "lab_result_key", "clinical_order": "order_key",
        "medication": "medication_key", "procedure": "procedure_key"}  # fmt: skip
SPECIFICATION = f"""
project: {PROJECT}
title_zh: 高血压患者的经血传播疾病
title_en: Blood-borne disease in hypertension
purpose: How often both come together.
principal_investigator: {{role: attending physician, department: cardiology}}
ethics: {{approval_number: XL-EC-TEST, valid_until: 2099-12-31}}
criteria:
  concepts: {{any: [hypertension]}}
restricted: [hiv, syphilis, severe_mental_disorder]
tables:
  patient: {{from: deid.person, fields: [sex, age_group]}}
  diagnosis: {{from: deid.diagnosis, fields: [diagnosis_key, visit_key, code, name, diagnosed_at]}}
  lab_result: {{from: deid.lab_result, fields: [lab_result_key, test_name, value_text, sampled_at]}}
  clinical_order: {{from: deid.clinical_order, fields: [order_key, name, start_at]}}
  medication: {{from: deid.medication, fields: [medication_key, drug_name, started_at]}}
  procedure: {{from: deid.procedure, fields: [procedure_key, name, performed_on]}}
"""
# Rows of other tables are taken from anybody and given to the person; the names reveal the disease, the person has it.
PLANT = {
    "lab_result": "test_name = 'HIV抗原抗体', value_text = '阳性(+)'",
    "clinical_order": "name = '苄星青霉素注射液 240万U 肌注'",
    "medication": "drug_name = '齐多拉米双夫定片'",
    "procedure": "name = '梅毒与HIV联合检测取样'",
}


@dataclass
class Ward:
    """A warehouse through which the stages run, with ways to build, approve and ask."""

    site: Site
    person: str = ""

    @property
    def warehouse(self) -> Warehouse:
        return self.site.warehouse

    @property
    def settings(self) -> Any:
        return self.site.settings

    def build(self, layer: str, run_id: str) -> None:
        build_layer(layer, self.warehouse.dsn(Role.TRANSFORM), self.settings, run_id)

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.warehouse.superuser_dsn()) as connection:
            return connection.execute(query, values or None).fetchall()  # type: ignore[arg-type]

    def do(self, query: str, *values: object) -> None:
        with psycopg.connect(self.warehouse.superuser_dsn()) as connection:
            connection.execute(query, values or None)  # type: ignore[arg-type]

    def approve(self, *diseases: str, purpose: str = PURPOSE) -> int:
        now = datetime.now(UTC)
        with self.site.person("ethics") as committee:
            return approve(
                committee, PERSON, PROJECT, [purpose], now - timedelta(minutes=1), now + timedelta(days=1), diseases
            )

    def in_marts(self) -> dict[str, set[tuple[str, ...]]]:
        """Per table of the project the sets of diseases that its rows of level 5 reveal."""
        return {
            table: {
                tuple(row[0])
                for row in self.ask(
                    f"select restricted_diseases from research.{PROJECT}_{table} where restricted_diseases is not null"
                )
            }
            for table in TABLES
        }

    def behind(self) -> list[str]:
        with connect(self.warehouse.dsn(Role.COLLECT), autocommit=True) as connection:
            return stages_behind(connection, self.settings, horizon(connection))

    def failed(self, *names: str) -> list[str]:
        context = Context(self.settings, self.warehouse.dsn(Role.AUDIT), restore=False)
        results = run_checks(context, names)
        assert len(results) >= len(names)
        return [f"{result.name}: {result.figures} {result.findings}" for result in results if not result.holds]


@pytest.fixture(scope="module")
def ward(collected: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    """All stages ran; nothing of level 5 is approved."""
    folder = tmp_path_factory.mktemp("project")
    projects, dbt_project = folder / "projects", folder / "dbt_project"
    projects.mkdir()
    shutil.copy(CHECKOUT / "include" / "projects" / f"{OTHER}.yaml", projects)
    (projects / f"{PROJECT}.yaml").write_text(SPECIFICATION, "utf-8")
    shutil.copytree(CHECKOUT / "dbt_project", dbt_project, ignore=shutil.ignore_patterns("target", "logs"))
    build_projects(projects, dbt_project)
    with copy_of(collected) as made:
        settings = made.settings.model_copy(update={"projects": projects, "dbt_project": dbt_project})
        own = Warehouse(settings, made.server, made.secrets, made.database)
        migrate(own.dsn(Role.ADMIN), settings)
        ward = Ward(Site(own))
        ward.build("standardize", "first")
        _plant(ward)
        prepare_deidentification(own.dsn(Role.DEIDENTIFY), settings, "first")
        ward.build("deidentify", "first")
        ward.build("publish", "first")
        yield ward


def _plant(ward: Ward) -> None:
    """One person gets HIV and syphilis and rows of every kind; another a bipolar disorder."""
    people = ward.ask(
        "select person_key::text, array_agg(diagnosis_key::text order by diagnosed_at) from base.diagnosis"
        " where concept is distinct from 'hypertension' and visit_key is not null and person_key in ("
        "   select person_key from base.diagnosis where concept = 'hypertension' and diagnosed_at is not null)"
        " group by 1 having count(*) > 2 order by count(*) desc, 1 limit 2"
    )
    (person, own), (_, others) = people
    ward.person = person
    for key, code, name in (
        (own[0], "B20.900", "人类免疫缺陷病毒病"), (own[1], "A53.900", "梅毒"), (others[0], "F31.900", "双相情感障碍")
    ):  # fmt: skip
        ward.do("update base.diagnosis set code = %s, name = %s where diagnosis_key = %s", code, name, key)
    for table, change in PLANT.items():
        ward.do(
            f"update base.{table} set person_key = %s, patient_key = (select patient_key from base.diagnosis"
            f" where diagnosis_key = %s), {change} where _row_id = (select min(_row_id) from base.{table})",
            person,
            own[0],
        )


def test_held_back_rows_are_deidentified_as_those_of_deid(ward: Ward) -> None:
    for table in TABLES:
        deid, held_back = (
            {
                row[0]
                for row in ward.ask(
                    "select column_name || ' ' || data_type from information_schema.columns"
                    " where table_schema = %s and table_name = %s",
                    schema,
                    table,
                )
            }
            for schema in ("deid", "held_back")
        )
        assert len(deid) > 10 and held_back == deid | {"diseases ARRAY"}, table
        ((held, both, strangers),) = ward.ask(
            f"select count(*), count(*) filter (where _row_id in (select _row_id from deid.{table})),"
            f" count(*) filter (where person_id not in (select person_id from deid.person)) from held_back.{table}"
        )
        assert held > 0 and (both, strangers) == (0, 0), table
    ((moved, alike),) = ward.ask(
        "select count(*), count(*) filter (where h.diagnosed_at = b.diagnosed_at + p.date_shift_days * interval '1 day'"
        " and h.diagnosis_key = md5(b.diagnosis_key::text || p.row_salt::text)::uuid)"
        " from held_back.diagnosis h join base.diagnosis b using (_row_id) join vault.pseudonym p using (person_key)"
    )
    assert moved == alike >= 3
    assert ward.ask("select diseases from held_back.procedure") == [(["hiv", "syphilis"],)]


def test_counts_and_lineage_hold(ward: Ward) -> None:
    counted = dict(ward.ask("select table_name, rows from deid.withheld where reason = 'restricted_disease'"))
    assert counted.keys() >= set(TABLES)
    assert ward.failed("rows.deid", "rows.marts", "lineage", "access", "server.researcher") == []
    ((row,),) = ward.ask("select min(_row_id) from held_back.diagnosis")
    ward.do("insert into deid.diagnosis (_row_id) values (%s)", row)
    ((line,), _) = [ward.failed("rows.deid"), ward.do("delete from deid.diagnosis where person_id is null")]
    assert "diagnosis: 1 rows of level 5 stand in deid" in line


@pytest.mark.parametrize("person", ["researcher", "ethics", "auditor"])
def test_no_person_reads_what_is_held_back(ward: Ward, person: str) -> None:
    with ward.site.person(person) as connection, pytest.raises(errors.InsufficientPrivilege):
        connection.execute("select count(*) from held_back.diagnosis")


def test_the_deidentifying_and_collecting_services_do_not_either(ward: Ward) -> None:
    for role in (Role.DEIDENTIFY, Role.COLLECT):
        with ward.site.role(role) as connection, pytest.raises(errors.InsufficientPrivilege):
            connection.execute("select count(*) from held_back.diagnosis")


def test_without_an_approval_no_row_comes_and_the_run_says_so(ward: Ward) -> None:
    assert set().union(*ward.in_marts().values()) == set()
    ((said,),) = ward.ask("select details -> 'restricted' from governance.stage_run where stage = 'publish'")
    assert said == dict.fromkeys((f"{PROJECT}: {name}" for name in ("hiv", "severe_mental_disorder", "syphilis")),
                                 "held back")  # fmt: skip
    assert [(one.released, one.due) for one in _releases(ward)] == [(False, False)] * 3
    ward.approve(purpose=PLAIN_PURPOSE)
    assert "publish" not in ward.behind()


def test_what_the_project_does_not_ask_for_cannot_be_approved(ward: Ward) -> None:
    with pytest.raises(AccessError, match="does not ask for gonorrhoea"):
        ward.approve("hiv", "gonorrhoea")


def test_an_approval_of_hiv_releases_rows_of_hiv_and_no_others(ward: Ward, monkeypatch: Any) -> None:
    monkeypatch.setenv("XINGLIN_STATE", str(ward.settings.state))
    given = CliRunner().invoke(
        app,
        ["access", "approve", PERSON, PROJECT, "--purpose", PURPOSE, "--until", "2099-01-01", "--restricted", "hiv"],
    )
    assert given.exit_code == 0 and "hiv" in given.output, given.output
    ((recorded,),) = ward.ask(
        "select detail ->> 'restricted' from audit.record where kind = 'approval' and detail ->> 'restricted' <> ''"
    )
    assert recorded == '["hiv"]'
    assert "publish" in ward.behind()
    ward.build("publish", "second")
    assert ward.in_marts() == {
        "diagnosis": {("hiv",)}, "lab_result": {("hiv",)}, "medication": {("hiv",)},
        "clinical_order": set(), "procedure": set(),
    }  # fmt: skip
    assert "publish" not in ward.behind()
    listed = CliRunner().invoke(app, ["access", "approvals"])
    assert "hiv  已放行 released" in listed.output and "syphilis  不放行 held back" in listed.output
    assert ward.failed("rows.deid", "rows.marts", "lineage", "access") == []
    with ward.site.role(Role.AUDIT) as audit:
        assert drift(audit, ward.settings) == []


def test_released_rows_have_the_pseudonyms_of_the_persons_other_rows(ward: Ward) -> None:
    rows = ward.ask(
        f"select m.research_id = (select md5(p.person_id::text || s.salt::text)::uuid from vault.pseudonym p"
        f"   where p.person_key = %s),"
        f" exists (select from research.{PROJECT}_diagnosis o where o.research_id = m.research_id"
        f"   and o.restricted_diseases is null),"
        f" exists (select from deid.visit v where md5(v.visit_key::text || s.salt::text)::uuid = m.visit_key)"
        f" from research.{PROJECT}_diagnosis m cross join vault.project_salt s"
        f" where s.project = '{PROJECT}' and m.restricted_diseases is not null",
        ward.person,
    )
    assert rows and set(rows) == {(True, True, True)}


def test_only_who_is_approved_for_the_disease_reads_its_rows(ward: Ward) -> None:
    seen = f"select count(*), count(restricted_diseases) from research.{PROJECT}_diagnosis"
    ward.site.approve(OTHER)
    with ward.site.person() as reader:
        begin(reader, OTHER, "新辅助疗效的描述")
        assert reader.execute(seen.encode()).fetchone() == (0, 0)
        begin(reader, PROJECT, PLAIN_PURPOSE)
        ordinary, restricted = reader.execute(seen.encode()).fetchall()[0]
        assert ordinary > 0 and restricted == 0
        begin(reader, PROJECT, PURPOSE)
        assert reader.execute(seen.encode()).fetchone() == (ordinary + 1, 1)
    ((elsewhere,),) = ward.ask(f"select count(*) from research.{OTHER}_diagnosis where code ~ '^(B20|A53|F31)'")
    assert elsewhere == 0


def test_an_expired_approval_shows_nothing_and_the_next_build_removes_the_rows(ward: Ward) -> None:
    with ward.site.person() as reader:
        begin(reader, PROJECT, PURPOSE)
        ward.do("update access.approval set valid_until = clock_timestamp() where restricted <> '{}'")
        count = f"select count(restricted_diseases) from research.{PROJECT}_diagnosis"
        assert reader.execute(count.encode()).fetchone() == (0,)
    assert ward.in_marts()["diagnosis"] == {("hiv",)}
    assert any("whose approval has ended" in line for line in ward.failed("access.restricted"))
    assert "publish" in ward.behind()
    ward.build("publish", "third")
    assert set().union(*ward.in_marts().values()) == set()
    assert ward.failed("rows.marts", "lineage", "access") == []


def test_a_revoked_approval_shows_nothing_and_the_next_build_removes_the_rows(ward: Ward) -> None:
    number = ward.approve("hiv", "syphilis", "severe_mental_disorder")
    ward.build("publish", "fourth")
    assert ward.in_marts() == {
        "diagnosis": {("hiv",), ("syphilis",), ("severe_mental_disorder",)},
        "lab_result": {("hiv",), ("syphilis",)},  # the person's own tests before an operation
        "medication": {("hiv",)}, "clinical_order": {("syphilis",)}, "procedure": {("hiv", "syphilis")},
    }  # fmt: skip
    with ward.site.person("ethics") as committee:
        revoke(committee, number)
    with ward.site.role(Role.AUDIT) as audit:
        import_journal(audit, ward.site.keys)
    with ward.site.person() as reader, pytest.raises(errors.InsufficientPrivilege):
        begin(reader, PROJECT, PURPOSE)
    ward.build("publish", "fifth")
    assert set().union(*ward.in_marts().values()) == set()


def test_a_later_diagnosis_takes_back_what_deid_had_released(ward: Ward) -> None:
    """deid is built in increments: a row that becomes one of level 5 leaves it although its source row stands."""
    ((person, diagnosis, row),) = ward.ask(
        "select l.person_key::text, d.diagnosis_key::text, l._row_id from base.lab_result l"
        " join base.diagnosis d using (person_key) where l.test_name ~ 'HIV' and l.value_text !~ '阳性|\\+'"
        " and l.person_key not in (select person_key from intermediate.int_restricted_person) order by 1, 2 limit 1"
    )
    assert ward.ask("select count(*) from deid.lab_result where _row_id = %s", row) == [(1,)]
    ward.do("update base.diagnosis set code = 'Z21.x00' where diagnosis_key = %s", diagnosis)
    ward.build("deidentify", "sixth")
    assert ward.ask("select count(*) from deid.lab_result where _row_id = %s", row) == [(0,)]
    assert ward.ask("select diseases from held_back.lab_result where _row_id = %s", row) == [(["hiv"],)]
    assert ward.failed("rows.deid") == []
    assert person


def test_a_withdrawal_takes_the_rows_that_are_held_back(ward: Ward) -> None:
    patients = [row[0] for row in ward.ask(
        "select replace(patient_key::text, '-', '') from base.person_link where person_key = %s", ward.person
    )]  # fmt: skip
    ((pseudonym,),) = ward.ask("select person_id from vault.pseudonym where person_key = %s", ward.person)
    with connect(ward.warehouse.dsn(Role.ADMIN)) as connection:
        purged = purge(connection, load_catalogue(ward.settings.contracts), patients)
    assert {f"held_back.{table}" for table in TABLES} <= purged.rows.keys()
    for table in TABLES:
        query = sql.SQL("select count(*) from {} where person_id = %s").format(sql.Identifier("held_back", table))
        with psycopg.connect(ward.warehouse.superuser_dsn()) as connection:
            assert connection.execute(query, (pseudonym,)).fetchone() == (0,)
    assert ward.failed("rows.deid") == []


def _releases(ward: Ward) -> list[Any]:
    with ward.site.role(Role.AUDIT) as audit:
        return releases(audit)


def test_the_shipped_projects_ask_for_none() -> None:
    files = list((CHECKOUT / "include" / "projects").glob("*.yaml"))
    assert len(files) == 2 and not any("restricted" in Path(file).read_text("utf-8") for file in files)
