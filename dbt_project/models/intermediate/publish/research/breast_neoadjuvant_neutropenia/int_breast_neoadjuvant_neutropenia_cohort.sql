-- Generated from include/projects/breast_neoadjuvant_neutropenia.yaml by python -m governance.projects; not edited by hand.
-- depends_on: {{ ref('research_project') }}  the test of the salts runs before
with matching_diagnosis as (
    select
        diagnosis.person_id,
        min(diagnosis.diagnosed_at)::date as index_on,
        (array_agg(diagnosis._row_id order by diagnosis.diagnosed_at, diagnosis._row_id))[1] as first_row_id
    from {{ ref('deid_diagnosis') }} as diagnosis
    where diagnosis.concept in ('breast_cancer')
      and diagnosis.diagnosed_at is not null
    group by diagnosis.person_id
),

int_breast_neoadjuvant_neutropenia_cohort as (
    select
        person.person_id,
        {{ research_id('breast_neoadjuvant_neutropenia', 'person.person_id') }} as research_id,
        matching.index_on,
        array[matching.first_row_id] as _row_ids
    from matching_diagnosis as matching
    inner join {{ ref('deid_person') }} as person on person.person_id = matching.person_id
    where current_date <= date '2031-12-31'  -- the approval holds
      and person.sex in ('F')
      and (date_part('year', matching.index_on) - person.birth_year >= 18 or person.age_group = '90+')
      and date_part('year', matching.index_on) - person.birth_year <= 80
      and exists (
          select 1
          from {{ ref('deid_medication') }} as found
          where found.person_id = person.person_id and found.drug_class in ('chemotherapy')
      )
)

select * from int_breast_neoadjuvant_neutropenia_cohort
