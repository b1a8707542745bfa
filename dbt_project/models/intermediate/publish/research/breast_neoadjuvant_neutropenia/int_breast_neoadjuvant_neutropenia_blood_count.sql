-- Generated from include/projects/breast_neoadjuvant_neutropenia.yaml by python -m governance.projects; not edited by hand.
with int_breast_neoadjuvant_neutropenia_blood_count as (
    select
        cohort.research_id,
        {{ project_key('breast_neoadjuvant_neutropenia', 'source_row.lab_result_key') }} as lab_result_key,
        cohort.index_on,
        source_row.test_code,
        source_row.loinc_code,
        source_row.value_num,
        source_row.unit,
        source_row.ref_low,
        source_row.ref_high,
        source_row.abnormal_flag,
        source_row.sampled_at,
        array[source_row._row_id] as _row_ids
    from {{ ref('deid_lab_result') }} as source_row
    inner join {{ ref('int_breast_neoadjuvant_neutropenia_cohort') }} as cohort
        on cohort.person_id = source_row.person_id
    where source_row.test_code in ('WBC', 'NEUT', 'PLT', 'HGB')
)

select
    int_breast_neoadjuvant_neutropenia_blood_count.*,
    {{ lineage_id('research.breast_neoadjuvant_neutropenia_blood_count', 'lab_result_key') }} as lineage_id
from int_breast_neoadjuvant_neutropenia_blood_count
