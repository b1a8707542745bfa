{#- Level 5 of GB/T 39725 (HIV, sexually transmitted and a few other diseases): such rows stay in base. -#}

{% macro is_restricted_row(table_name, alias, name_column, result_column=none) -%}
{#- True for a row whose name is a restricted term, where the person has a restricted diagnosis or the result is positive. -#}
(
    {{ alias }}.{{ name_column }} in (
        select restricted_name.name from {{ ref('int_restricted_name') }} as restricted_name
        where restricted_name.table_name = '{{ table_name }}'
    )
    and (
        {{ alias }}.person_key in (select restricted_person.person_key from {{ ref('int_restricted_person') }} as restricted_person)
        {%- if result_column %}
        or {{ alias }}.{{ result_column }} ~* '阳性|positive|reactive|^ *[(（]?\+'
        {%- endif %}
    )
)
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
