-- Generated from include/projects/hypertension_follow_up.yaml by python -m governance.projects; not edited by hand.
with int_hypertension_follow_up_diagnosis as (
    select
        cohort.research_id,
        {{ project_key('hypertension_follow_up', 'source_row.diagnosis_key') }} as diagnosis_key,
        {{ project_key('hypertension_follow_up', 'source_row.visit_key') }} as visit_key,
        cohort.index_on,
        source_row.code_system,
        source_row.code,
        source_row.diagnosis_rank,
        source_row.diagnosed_at,
        source_row.concept,
        array[source_row._row_id] as _row_ids
    from {{ ref('deid_diagnosis') }} as source_row
    inner join {{ ref('int_hypertension_follow_up_cohort') }} as cohort
        on cohort.person_id = source_row.person_id
)

select
    int_hypertension_follow_up_diagnosis.*,
    {{ lineage_id('research.hypertension_follow_up_diagnosis', 'diagnosis_key') }} as lineage_id
from int_hypertension_follow_up_diagnosis
