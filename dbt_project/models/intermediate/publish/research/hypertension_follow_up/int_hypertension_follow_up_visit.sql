-- Generated from include/projects/hypertension_follow_up.yaml by python -m governance.projects; not edited by hand.
with int_hypertension_follow_up_visit as (
    select
        cohort.research_id,
        {{ project_key('hypertension_follow_up', 'source_row.visit_key') }} as visit_key,
        cohort.index_on,
        source_row.visit_class,
        source_row.start_at,
        source_row.end_at,
        array[source_row._row_id] as _row_ids
    from {{ ref('deid_visit') }} as source_row
    inner join {{ ref('int_hypertension_follow_up_cohort') }} as cohort
        on cohort.person_id = source_row.person_id
)

select
    int_hypertension_follow_up_visit.*,
    {{ lineage_id('research.hypertension_follow_up_visit', 'visit_key') }} as lineage_id
from int_hypertension_follow_up_visit
