-- One row per cohort person: each marker from the earliest report that states it, so that treatment has not changed it yet.
with int_breast_receptor as (
    select
        finding.person_id,
        {{ earliest_stated('laterality') }} as laterality,
        {{ earliest_stated('er_status') }} as er_status,
        {{ earliest_stated('er_pct', 'er_status') }} as er_pct,
        {{ earliest_stated('pr_status') }} as pr_status,
        {{ earliest_stated('pr_pct', 'pr_status') }} as pr_pct,
        {{ earliest_stated('her2_ihc_score') }} as her2_ihc_score,
        {{ earliest_stated('her2_status') }} as her2_ihc_status,
        {{ earliest_stated('fish_result') }} as fish_result,
        {{ earliest_stated('fish_ratio') }} as fish_ratio,
        {{ earliest_stated('ki67_pct') }} as ki67_pct,
        {{ earliest_stated('histology') }} as histology,
        {{ earliest_stated('icd_o_3') }} as icd_o_3,
        {{ earliest_stated('histologic_grade') }} as histologic_grade,
        (array_agg(finding.tumour_size_mm order by finding.reported_on desc)
            filter (where finding.tumour_size_mm is not null and finding.specimen_kind = 'resection'))[1] as tumour_size_mm,
        (array_agg(finding.nodes_positive order by finding.reported_on desc)
            filter (where finding.nodes_examined is not null))[1] as nodes_positive,
        (array_agg(finding.nodes_examined order by finding.reported_on desc)
            filter (where finding.nodes_examined is not null))[1] as nodes_examined,
        bool_or(finding.complete_response) as complete_response,
        array_remove(array[
            {{ earliest_stated('_row_id', 'er_status') }},
            {{ earliest_stated('_row_id', 'her2_status') }},
            {{ earliest_stated('_row_id', 'fish_result') }},
            {{ earliest_stated('_row_id', 'ki67_pct') }},
            {{ earliest_stated('_row_id', 'histology') }},
            (array_agg(finding._row_id order by finding.reported_on desc) filter (where finding.nodes_examined is not null))[1]
        ], null) as _row_ids
    from {{ ref('int_breast_pathology_finding') }} as finding
    group by finding.person_id
)

select * from int_breast_receptor
