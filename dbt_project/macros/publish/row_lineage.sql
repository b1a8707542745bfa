{#- Row lineage: the query of a mart is a view of schema intermediate with a column _row_ids; the mart takes all but it, the lineage
    table takes the row ids. Both read the one view, so they cannot drift apart. -#}

{% macro flattened(arrays) -%}
{#- Aggregate: the row ids of several arrays in one array. -#}
string_to_array(string_agg(array_to_string({{ arrays }}, ','), ','), ',')::bigint[]
{%- endmacro %}

{% macro lineage_id(mart, key) -%}
{#- Stands for one row of a mart, e.g. lineage_id('specialty.breast_cancer_patient', 'research_id'). -#}
md5('{{ mart }}:' || {{ key }}::text)::uuid
{%- endmacro %}

{% macro project_salt(project) -%}
(
    select project_salt.salt
    from {{ source('vault', 'project_salt') }} as project_salt
    where project_salt.project = '{{ project }}'
)
{%- endmacro %}

{% macro research_id(project, person_id) -%}
{#- The patient within one project; two projects have two salts, which researchers cannot read. -#}
md5({{ person_id }}::text || {{ project_salt(project) }}::text)::uuid
{%- endmacro %}

{% macro project_key(project, key) -%}
{#- A row key within one project, so that rows of two projects cannot be joined either. -#}
md5({{ key }}::text || {{ project_salt(project) }}::text)::uuid
{%- endmacro %}

{% macro published_mart(row_view) -%}
{#- A mart: the columns of its contract from its row view, and what wrote them. -#}
{%- set provenance = {'_run_id': 'run_id', '_policy_version': 'policy_version', '_contract_version': 'contract_version'} %}
select
    {%- for name in model.columns if name not in provenance %}
    row_view.{{ name }},
    {%- endfor %}
    {%- for name, setting in provenance.items() %}
    {{ session_setting(setting) }}::text as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ ref(row_view) }} as row_view
{%- endmacro %}

{% macro published_lineage(row_view) -%}
{#- One row per mart row with its source rows, sorted and without repetition. No index: a lookup reads the narrow table once, an
    index would cost as much as the data. -#}
select
    row_view.lineage_id,
    array(
        select distinct source_row.row_id
        from unnest(row_view._row_ids) as source_row (row_id)
        where source_row.row_id is not null
        order by source_row.row_id
    ) as row_ids
from {{ ref(row_view) }} as row_view
{%- endmacro %}
