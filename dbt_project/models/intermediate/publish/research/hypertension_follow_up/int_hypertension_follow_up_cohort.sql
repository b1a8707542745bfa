-- Generated from include/projects/hypertension_follow_up.yaml by python -m governance.projects; not edited by hand.
-- depends_on: {{ ref('research_project') }}  the test of the salts runs before
with matching_diagnosis as (
    select
        diagnosis.person_id,
        min(diagnosis.diagnosed_at)::date as index_on,
        (array_agg(diagnosis._row_id order by diagnosis.diagnosed_at, diagnosis._row_id))[1] as first_row_id
    from {{ ref('deid_diagnosis') }} as diagnosis
    where diagnosis.concept in ('hypertension')
      and diagnosis.diagnosed_at is not null
    group by diagnosis.person_id
),

int_hypertension_follow_up_cohort as (
    select
        person.person_id,
        {{ research_id('hypertension_follow_up', 'person.person_id') }} as research_id,
        matching.index_on,
        array[matching.first_row_id] as _row_ids
    from matching_diagnosis as matching
    inner join {{ ref('deid_person') }} as person on person.person_id = matching.person_id
    where current_date <= date '2030-12-31'  -- the approval holds
      and (date_part('year', matching.index_on) - person.birth_year >= 18 or person.age_group = '90+')
)

select * from int_hypertension_follow_up_cohort
