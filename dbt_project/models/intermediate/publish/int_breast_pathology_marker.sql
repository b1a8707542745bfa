-- One row per pathology report of the cohort: receptors, gene test and proliferation, as typed values.
-- PostgreSQL keeps 32 compiled expressions a session; a query with more compiles them anew for every row. Hence three models.
with stated as (
    select
        pathology.report_key,
        pathology.er_statement,
        pathology.pr_statement,
        {{ stated_percentage('pathology.er_statement') }} as er_stated_pct,
        {{ stated_percentage('pathology.pr_statement') }} as pr_stated_pct,
        coalesce({{ stated_percentage('pathology.ki67_statement') }},
                 (regexp_match(pathology.ki67_statement, '^[^0-9;。]{0,6}(\d{1,2})(?![0-9.+%])'))[1]::numeric) as ki67_pct,
        {{ her2_score('pathology.her2_statement') }} as her2_ihc_score,
        {{ stated_sign('pathology.her2_statement') }} as her2_sign,
        {{ fish_statement('pathology.body') }} as fish_statement,
        {{ fish_ratio('pathology.body') }} as fish_ratio,
        {{ fish_copies('pathology.body') }} as fish_copies
    from {{ ref('int_breast_pathology_text') }} as pathology
),

int_breast_pathology_marker as (
    select
        stated.report_key,
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
        stated.ki67_pct
    from stated
)

select * from int_breast_pathology_marker
