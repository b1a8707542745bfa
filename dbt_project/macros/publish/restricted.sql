{#- Level 5 of GB/T 39725 (HIV, sexually transmitted and a few other diseases). int_deidentified_<table> de-identifies all rows of a
    table and says which diseases a row reveals; deid_<table> takes the rows that reveal none, held_back_<table> the others. -#}

{% macro join_restricted_names(table_name, alias, name_column, result_column=none) -%}
{#- Joins `restricted` to a row whose name is a restricted term, where the person has a restricted diagnosis or the result is positive. -#}
left join {{ ref('int_restricted_name') }} as restricted
    on restricted.table_name = '{{ table_name }}' and restricted.name = {{ alias }}.{{ name_column }}
    and (
        {{ alias }}.person_key in (select restricted_person.person_key from {{ ref('int_restricted_person') }} as restricted_person)
        {%- if result_column %}
        or {{ alias }}.{{ result_column }} ~* '阳性|positive|reactive|^ *[(（]?\+'
        {%- endif %}
    )
{%- endmacro %}

{% macro released_rows(table) -%}
{#- The rows of a table that reveal no restricted disease, of the persons whose rows are built anew. -#}
-- depends_on: {{ ref('base_' ~ table) }} {{ ref('held_back_' ~ table) }}  the pre-hook compares with them
select
    {%- for name in model.columns %}
    deidentified.{{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ ref('int_deidentified_' ~ table) }} as deidentified
where deidentified.diseases is null {{ only_changed_persons('deidentified', 'person_id') }}
{%- endmacro %}

{% macro held_back_rows(table) -%}
{#- The rows of a table that reveal a restricted disease: the columns of deid, and the diseases. -#}
select *
from {{ ref('int_deidentified_' ~ table) }} as deidentified
where deidentified.diseases is not null
{%- endmacro %}

{% macro with_released(table, project, columns) -%}
{#- The rows of deid, and those held back whose diseases are all released to a project (int_restricted_release). -#}
select {{ columns | join(', ') }}, null::text[] as diseases
from {{ ref('deid_' ~ table) }}
union all
select {{ columns | join(', ') }}, held_back.diseases
from {{ ref('held_back_' ~ table) }} as held_back
where held_back.diseases <@ array(
    select release.disease
    from {{ ref('int_restricted_release') }} as release
    where release.project = '{{ project }}' and release.released
)
{%- endmacro %}

{% macro held_back_tables() -%}
{{ return(['diagnosis', 'lab_result', 'clinical_order', 'medication', 'procedure']) }}
{%- endmacro %}

{% macro restricted_text_reason(person_key, text_column) -%}
{#- Why a scrubbed text is withheld beyond the residual check: it names a restricted disease of a person who has one. -#}
case
    when {{ text_column }} is not null
         and {{ person_key }} in (select restricted_person.person_key from {{ ref('int_restricted_person') }} as restricted_person)
         and {{ text_column }} ~* (select string_agg(pattern, '|') from {{ ref('restricted_term') }})
    then 'restricted_disease'
end
{%- endmacro %}
