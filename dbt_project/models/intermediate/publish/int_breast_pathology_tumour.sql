-- One row per pathology report of the cohort: size, nodes, grade, TNM, response and vessel invasion, as typed values.
with int_breast_pathology_tumour as (
    select
        pathology.report_key,
        coalesce({{ largest_diameter_mm('pathology.body') }}, {{ largest_diameter_mm('pathology.gross') }}) as tumour_size_mm,
        {{ laterality("concat_ws(' ', pathology.specimen, left(pathology.body, 80))") }} as laterality,
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
)

select * from int_breast_pathology_tumour
