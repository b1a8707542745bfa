-- Counted from the rows that are held back and the texts that are withheld, not as a difference, so that the conservation test can
-- find a row that nobody withheld on purpose.
with held_back_row as (
    {%- for table in held_back_tables() %}
    select '{{ table }}'::text as table_name, 'restricted_disease'::text as reason from {{ ref('held_back_' ~ table) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

withheld_text as (
    select 'pathology_report.text'::text as table_name, text_withheld as reason from {{ ref('deid_pathology_report') }}
    union all
    select 'imaging_study.text', text_withheld from {{ ref('deid_imaging_study') }}
    union all
    select 'clinical_note.text', text_withheld from {{ ref('deid_clinical_note') }}
    union all
    select 'follow_up.text', text_withheld from {{ ref('deid_follow_up') }}
),

deid_withheld as (
    select table_name, reason, count(*) as rows
    from (
        select table_name, reason from held_back_row
        union all
        select table_name, reason from withheld_text where reason is not null
    ) as withheld_row
    group by table_name, reason
)

select * from deid_withheld
