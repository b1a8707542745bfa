-- One row per pathology report of the cohort: what it says, as typed values.
with stated as (
    select
        pathology.report_key,
        pathology.person_id,
        pathology.specimen,
        coalesce(pathology.reported_on, pathology.received_on) as reported_on,
        pathology._row_id,
        pathology.body,
        pathology.er_statement,
        pathology.pr_statement,
        pathology.her2_statement,
        {{ stated_percentage('pathology.er_statement') }} as er_stated_pct,
        {{ stated_percentage('pathology.pr_statement') }} as pr_stated_pct,
        coalesce({{ stated_percentage('pathology.ki67_statement') }},
                 (regexp_match(pathology.ki67_statement, '^[^0-9;。]{0,6}(\d{1,2})(?![0-9.+%])'))[1]::numeric) as ki67_pct,
        {{ her2_score('pathology.her2_statement') }} as her2_ihc_score,
        {{ stated_sign('pathology.her2_statement') }} as her2_sign,
        {{ fish_statement('pathology.body') }} as fish_statement,
        {{ fish_ratio('pathology.body') }} as fish_ratio,
        {{ fish_copies('pathology.body') }} as fish_copies,
        coalesce({{ largest_diameter_mm('pathology.body') }}, {{ largest_diameter_mm('pathology.gross') }}) as tumour_size_mm,
        {{ lymph_nodes('pathology.body', 1) }} as nodes_positive,
        {{ lymph_nodes('pathology.body', 2) }} as nodes_examined,
        {{ histologic_grade('pathology.body') }} as histologic_grade,
        {{ tnm_prefix('pathology.body') }} as tnm_prefix,
        {{ tnm_category('pathology.body', 'T') }} as t_category,
        {{ tnm_category('pathology.body', 'N') }} as n_category,
        {{ tnm_category('pathology.body', 'M') }} as m_category,
        {{ stated_stage('pathology.body') }} as stage_group_stated,
        (regexp_match(pathology.body, '(?:Miller[- ]?Payne|M-?P)[^0-9。;]{0,12}([1-5])', 'i'))[1]::integer as miller_payne_grade,
        case when pathology.body ~* '(非|未达|未达到|不符合|无)\s*(pCR|病理(学)?完全缓解)' then false
             when pathology.body ~* '(?<![A-Za-z])pCR(?![A-Za-z])|病理(学)?完全缓解' then true end as complete_response,
        case when pathology.body ~ '(未见|未查见|无)[^,;。\n]{0,8}(脉管|淋巴管)|脉管(癌栓|侵犯|内癌栓)?\s*[:(]?\s*(-|阴性|未见|无)' then false
             when pathology.body ~ '(脉管|淋巴管)[^,;。\n]{0,6}(癌栓|侵犯|\+|阳性)' then true end as lymphovascular_invasion,
        case when coalesce(pathology.specimen, '') || left(pathology.body, 60) ~ '穿刺|活检' then 'biopsy'
             when coalesce(pathology.specimen, '') || left(pathology.body, 60) ~ '根治|切除|保乳|全乳|改良' then 'resection'
             else 'other' end as specimen_kind
    from {{ ref('int_breast_pathology_text') }} as pathology
),

histology as (
    select distinct on (stated.report_key) stated.report_key, term.histology, term.icd_o_3
    from stated
    inner join {{ ref('breast_histology_term') }} as term on stated.body ~* term.pattern
    order by stated.report_key, term.priority
),

int_breast_pathology_finding as (
    select
        stated.report_key,
        stated.person_id,
        stated.specimen,
        stated.specimen_kind,
        stated.reported_on,
        -- a negative result without a figure means no stained nucleus
        coalesce(stated.er_stated_pct, case when {{ stated_sign('stated.er_statement') }} = 'negative' then 0 end) as er_pct,
        {{ receptor_status('stated.er_stated_pct', 'stated.er_statement', 'er_positive') }} as er_status,
        coalesce(stated.pr_stated_pct, case when {{ stated_sign('stated.pr_statement') }} = 'negative' then 0 end) as pr_pct,
        {{ receptor_status('stated.pr_stated_pct', 'stated.pr_statement', 'pr_positive') }} as pr_status,
        stated.her2_ihc_score,
        {{ fish_result('stated.fish_statement', 'stated.fish_ratio', 'stated.fish_copies') }} as fish_result,
        stated.fish_ratio,
        stated.fish_copies,
        {{ her2_status('stated.her2_ihc_score', 'stated.her2_sign',
                       fish_result('stated.fish_statement', 'stated.fish_ratio', 'stated.fish_copies')) }} as her2_status,
        stated.ki67_pct,
        histology.histology,
        histology.icd_o_3,
        stated.histologic_grade,
        stated.tumour_size_mm,
        stated.nodes_positive,
        stated.nodes_examined,
        stated.tnm_prefix,
        stated.t_category,
        stated.n_category,
        stated.m_category,
        stated.stage_group_stated,
        stated.miller_payne_grade,
        stated.complete_response,
        stated.lymphovascular_invasion,
        stated._row_id
    from stated
    left join histology on histology.report_key = stated.report_key
)

select * from int_breast_pathology_finding
