-- One row per pathology report of the cohort: what it says, as typed values.
with histology as (
    select distinct on (pathology.report_key) pathology.report_key, term.histology, term.icd_o_3
    from {{ ref('int_breast_pathology_text') }} as pathology
    inner join {{ ref('breast_histology_term') }} as term on pathology.body ~* term.pattern
    order by pathology.report_key, term.priority
),

int_breast_pathology_finding as (
    select
        pathology.report_key,
        pathology.person_id,
        pathology.specimen,
        tumour.specimen_kind,
        tumour.laterality,
        coalesce(pathology.reported_on, pathology.received_on) as reported_on,
        marker.er_pct,
        marker.er_status,
        marker.pr_pct,
        marker.pr_status,
        marker.her2_ihc_score,
        marker.fish_result,
        marker.fish_ratio,
        marker.fish_copies,
        marker.her2_status,
        marker.ki67_pct,
        histology.histology,
        histology.icd_o_3,
        tumour.histologic_grade,
        tumour.tumour_size_mm,
        tumour.nodes_positive,
        tumour.nodes_examined,
        tumour.tnm_prefix,
        tumour.t_category,
        tumour.n_category,
        tumour.m_category,
        tumour.stage_group_stated,
        tumour.miller_payne_grade,
        tumour.complete_response,
        tumour.lymphovascular_invasion,
        pathology._row_id
    from {{ ref('int_breast_pathology_text') }} as pathology
    inner join {{ ref('int_breast_pathology_marker') }} as marker on marker.report_key = pathology.report_key
    inner join {{ ref('int_breast_pathology_tumour') }} as tumour on tumour.report_key = pathology.report_key
    left join histology on histology.report_key = pathology.report_key
)

select * from int_breast_pathology_finding
