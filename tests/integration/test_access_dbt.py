"""dbt itself builds marts under access by purpose: the post-hook of dbt_project.yml, on a table and an increment."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
import yaml

from governance.access.drift import drift
from governance.database import Role
from governance.settings import PROJECT as CHECKOUT
from governance.transformation.run import run_layer
from tests.conftest import Warehouse, new_database
from tests.integration.access_site import PERSON, PROJECT, PURPOSE, Site, begin, rows

pytestmark = pytest.mark.integration
TABLE, INCREMENTAL = "specialty.breast_cancer_patient", "specialty.breast_cancer_follow_up"
COUNT = "select count(*) from (select research_id from {}) as seen"


@pytest.fixture(scope="module")
def site(warehouse: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A small project with the real one's hook; the contracts of the marts are the real ones."""
    folder = tmp_path_factory.mktemp("project")
    real = yaml.safe_load((CHECKOUT / "dbt_project" / "dbt_project.yml").read_text("utf-8"))
    hook = {zone: real["models"]["xinglin"][zone]["+post-hook"] for zone in ("specialty", "research")}
    assert hook["specialty"] == hook["research"]
    project = {
        "name": "small",
        "version": "1.0",
        "profile": "xinglin",
        "models": {"small": {"+schema": "specialty", "+tags": ["publish"], "+post-hook": hook["specialty"]}},
    }
    files = {
        "dbt_project.yml": yaml.safe_dump(project),
        "profiles.yml": (CHECKOUT / "dbt_project" / "profiles.yml").read_text("utf-8"),
        "macros/names.sql": "{% macro generate_schema_name(custom, node) %}{{ custom or target.schema }}{% endmacro %}",
        "models/breast_cancer_patient.sql": "{{ config(materialized='table') }}select 'a' as research_id, '' as region",
        "models/breast_cancer_follow_up.sql": "{{ config(materialized='incremental', unique_key='research_id',"
        " incremental_strategy='delete+insert') }}\nselect 'a' as research_id union all select 'b'",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    with new_database(warehouse) as made:
        small = made.settings.model_copy(update={"dbt_project": folder})
        built = Warehouse(small, made.server, made.secrets, made.database)
        for _ in range(2):
            run_layer(
                "publish", built.dsn(Role.TRANSFORM), small, "run", horizon=1, policy_version="1", contract_version="1"
            )
        yield Site(made)


def test_what_dbt_builds_has_its_rights(site: Site) -> None:
    with site.role(Role.AUDIT) as audit:
        assert drift(audit, site.settings) == []
        assert rows(audit, COUNT.format(TABLE)) == 1
        assert rows(audit, COUNT.format(INCREMENTAL)) == 2


def test_readers_see_it_with_open_work_only_and_without_the_masked_column(site: Site) -> None:
    site.approve(person=PERSON)
    with site.person() as reader:
        assert [rows(reader, COUNT.format(name)) for name in (TABLE, INCREMENTAL)] == [0, 0]
        begin(reader, PROJECT, PURPOSE)
        assert [rows(reader, COUNT.format(name)) for name in (TABLE, INCREMENTAL)] == [1, 2]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(f"select region from {TABLE}".encode())
