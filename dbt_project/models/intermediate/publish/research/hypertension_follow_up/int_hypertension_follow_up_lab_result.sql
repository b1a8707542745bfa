-- Generated from include/projects/hypertension_follow_up.yaml by python -m governance.projects; not edited by hand.
with int_hypertension_follow_up_lab_result as (
    select
        cohort.research_id,
        {{ project_key('hypertension_follow_up', 'source_row.lab_result_key') }} as lab_result_key,
        {{ project_key('hypertension_follow_up', 'source_row.visit_key') }} as visit_key,
        cohort.index_on,
        source_row.test_code,
        source_row.loinc_code,
        source_row.value_num,
        source_row.unit,
        source_row.ref_low,
        source_row.ref_high,
        source_row.sampled_at,
        array[source_row._row_id] as _row_ids
    from {{ ref('deid_lab_result') }} as source_row
    inner join {{ ref('int_hypertension_follow_up_cohort') }} as cohort
        on cohort.person_id = source_row.person_id
    where source_row.test_code in ('CREA', 'UREA', 'UA', 'K', 'NA', 'GLU', 'HBA1C', 'TC', 'TG', 'HDL', 'LDL')
)

select
    int_hypertension_follow_up_lab_result.*,
    {{ lineage_id('research.hypertension_follow_up_lab_result', 'lab_result_key') }} as lineage_id
from int_hypertension_follow_up_lab_result
