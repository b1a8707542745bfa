with int_breast_cancer_pathology as (
    select
        finding.person_id,
        {{ research_id('specialty_breast_cancer', 'finding.person_id') }} as research_id,
        {{ project_key('specialty_breast_cancer', 'finding.report_key') }} as report_key,
        finding.reported_on,
        finding.reported_on - course.index_on as report_day,
        finding.specimen_kind,
        finding.specimen,
        finding.laterality,
        finding.histology,
        finding.icd_o_3,
        finding.histologic_grade,
        finding.tumour_size_mm,
        finding.nodes_positive,
        finding.nodes_examined,
        finding.lymphovascular_invasion,
        finding.er_status,
        finding.er_pct,
        finding.pr_status,
        finding.pr_pct,
        finding.her2_ihc_score,
        finding.fish_result,
        finding.fish_ratio,
        finding.fish_copies,
        finding.her2_status,
        finding.ki67_pct,
        case
            when coalesce(finding.er_status, finding.pr_status, finding.her2_status) is not null
            then {{ molecular_subtype('finding.er_status', 'finding.pr_status', 'finding.pr_pct', 'finding.her2_status', 'finding.ki67_pct') }}
        end as molecular_subtype,
        finding.t_category,
        finding.n_category,
        finding.m_category,
        finding.miller_payne_grade,
        finding.complete_response,
        array[finding._row_id] as _row_ids
    from {{ ref('int_breast_pathology_finding') }} as finding
    inner join {{ ref('int_breast_cancer_course') }} as course on course.person_id = finding.person_id
)

select
    int_breast_cancer_pathology.*,
    {{ lineage_id('specialty.breast_cancer_pathology', 'report_key') }} as lineage_id
from int_breast_cancer_pathology
