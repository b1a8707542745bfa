-- Rows of base = rows of deid + rows withheld, table by table.
{{ config(tags=['deidentify']) }}  -- runs with the layer that it proves
{% set tables = ['person', 'visit', 'diagnosis', 'lab_result', 'clinical_order', 'medication', 'procedure',
                 'pathology_report', 'imaging_study', 'clinical_note', 'follow_up'] %}
with counted as (
    {%- for table in tables %}
    select '{{ table }}'::text as table_name,
        (select count(*) from {{ ref('base_' ~ table) }}) as base_rows,
        (select count(*) from {{ ref('deid_' ~ table) }}) as deid_rows
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

withheld as (
    select table_name, sum(rows) as withheld_rows
    from {{ ref('deid_withheld') }}
    group by table_name
)

select counted.table_name, counted.base_rows, counted.deid_rows, coalesce(withheld.withheld_rows, 0) as withheld_rows
from counted
left join withheld on withheld.table_name = counted.table_name
where counted.base_rows <> counted.deid_rows + coalesce(withheld.withheld_rows, 0)
