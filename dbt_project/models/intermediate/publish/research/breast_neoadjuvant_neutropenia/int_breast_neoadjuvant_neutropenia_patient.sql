-- Generated from include/projects/breast_neoadjuvant_neutropenia.yaml by python -m governance.projects; not edited by hand.
with int_breast_neoadjuvant_neutropenia_patient as (
    select
        cohort.research_id,
        source_row.age_at_diagnosis_years,
        source_row.stage_group,
        source_row.t_category,
        source_row.n_category,
        source_row.m_category,
        source_row.molecular_subtype,
        source_row.er_status,
        source_row.pr_status,
        source_row.her2_status,
        source_row.ki67_pct,
        source_row.neoadjuvant,
        source_row.neoadjuvant_regimen,
        source_row.chemotherapy_cycles,
        source_row.surgery_kind,
        source_row.surgery_day,
        source_row.complete_response,
        source_row.relapsed,
        source_row.follow_up_days,
        source_lineage.row_ids as _row_ids
    from {{ ref('breast_cancer_patient') }} as source_row
    inner join {{ ref('int_breast_neoadjuvant_neutropenia_cohort') }} as cohort
        on {{ research_id('specialty_breast_cancer', 'cohort.person_id') }} = source_row.research_id
    inner join {{ ref('lineage_specialty__breast_cancer_patient') }} as source_lineage
        on source_lineage.lineage_id = source_row.lineage_id
)

select
    int_breast_neoadjuvant_neutropenia_patient.*,
    {{ lineage_id('research.breast_neoadjuvant_neutropenia_patient', 'research_id') }} as lineage_id
from int_breast_neoadjuvant_neutropenia_patient
