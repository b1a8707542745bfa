-- Generated from include/projects/hypertension_follow_up.yaml by python -m governance.projects; not edited by hand.
with int_hypertension_follow_up_patient as (
    select
        cohort.research_id,
        cohort.index_on,
        source_row.sex,
        source_row.birth_year,
        source_row.age_group,
        source_row.death_date,
        source_row._row_ids || cohort._row_ids as _row_ids
    from {{ ref('deid_person') }} as source_row
    inner join {{ ref('int_hypertension_follow_up_cohort') }} as cohort
        on cohort.person_id = source_row.person_id
)

select
    int_hypertension_follow_up_patient.*,
    {{ lineage_id('research.hypertension_follow_up_patient', 'research_id') }} as lineage_id
from int_hypertension_follow_up_patient
