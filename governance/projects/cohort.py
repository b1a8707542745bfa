"""The cohort of a research project as SQL: one row per enrolled patient."""

from __future__ import annotations

from collections.abc import Iterable

from governance.projects.specification import Criteria, Project


def cohort_sql(project: Project) -> str:
    """The dbt model of a cohort: person_id, research_id, index_on (first matching diagnosis), _row_ids."""
    name, criteria = project.project, project.criteria
    conditions = "\n      and ".join(_conditions(project))
    return f"""\
-- Generated from include/projects/{name}.yaml by python -m governance.projects; not edited by hand.
-- depends_on: {{{{ ref('research_project') }}}}  the test of the salts runs before
with matching_diagnosis as (
    select
        diagnosis.person_id,
        min(diagnosis.diagnosed_at)::date as index_on,
        (array_agg(diagnosis._row_id order by diagnosis.diagnosed_at, diagnosis._row_id))[1] as first_row_id
    from {{{{ ref('deid_diagnosis') }}}} as diagnosis
    where diagnosis.concept in ({_list(criteria.concepts.any or criteria.concepts.all)})
      and diagnosis.diagnosed_at is not null
    group by diagnosis.person_id
),

int_{name}_cohort as (
    select
        person.person_id,
        {{{{ research_id('{name}', 'person.person_id') }}}} as research_id,
        matching.index_on,
        array[matching.first_row_id] as _row_ids
    from matching_diagnosis as matching
    inner join {{{{ ref('deid_person') }}}} as person on person.person_id = matching.person_id
    where {conditions}
)

select * from int_{name}_cohort
"""  # noqa: S608  names and codes were checked when the file was read


def _conditions(project: Project) -> list[str]:
    criteria = project.criteria
    conditions = [f"current_date <= date '{project.ethics.valid_until.isoformat()}'  -- the approval holds"]
    if criteria.sex:
        conditions.append(f"person.sex in ({_list(criteria.sex)})")
    conditions += _age(criteria)
    if criteria.period.from_:
        conditions.append(f"matching.index_on >= date '{criteria.period.from_.isoformat()}'")
    if criteria.period.to:
        conditions.append(f"matching.index_on <= date '{criteria.period.to.isoformat()}'")
    conditions += [_has("deid_diagnosis", f"found.concept = '{concept}'") for concept in criteria.concepts.all]
    if criteria.concepts.none:
        conditions.append("not " + _has("deid_diagnosis", f"found.concept in ({_list(criteria.concepts.none)})"))
    if criteria.visit_class:
        conditions.append(_has("deid_visit", f"found.visit_class in ({_list(criteria.visit_class)})"))
    if criteria.drug_classes:
        conditions.append(_has("deid_medication", f"found.drug_class in ({_list(criteria.drug_classes)})"))
    for bound in criteria.laboratory:
        limit = f"found.value_num < {bound.below}" if bound.below is not None else f"found.value_num > {bound.above}"
        conditions.append(_has("deid_lab_result", f"found.test_code = '{bound.test_code}' and {limit}"))
    return conditions


def _age(criteria: Criteria) -> list[str]:
    """Years between birth year and index year; whoever is grouped as 90+ has no birth year and meets any minimum."""
    years = "date_part('year', matching.index_on) - person.birth_year"
    grouped = "person.age_group = '90+'"
    conditions = []
    if criteria.age_years.minimum is not None:
        conditions.append(f"({years} >= {criteria.age_years.minimum} or {grouped})")
    if criteria.age_years.maximum is not None:
        conditions.append(f"{years} <= {criteria.age_years.maximum}")
    return conditions


def _has(model: str, condition: str) -> str:
    found = f"{{{{ ref('{model}') }}}} as found"
    lines = ("select 1", f"from {found}", f"where found.person_id = person.person_id and {condition}")
    return "exists (" + "".join(f"\n          {line}" for line in lines) + "\n      )"


def _list(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)
