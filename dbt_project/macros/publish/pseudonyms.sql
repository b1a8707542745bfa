{#- De-identification of structured values: one pseudonym row a person (vault.pseudonym), applied column by column. -#}

{% macro pseudonymous_key(key, salt) -%}
{#- A row key that cannot be led back without the person's salt; null stays null. -#}
md5({{ key }}::text || {{ salt }}::text)::uuid
{%- endmacro %}

{% macro shift_date(column, days='pseudonym.date_shift_days') -%}
({{ column }} + {{ days }})
{%- endmacro %}

{% macro shift_timestamp(column, days='pseudonym.date_shift_days') -%}
{#- The calendar day moves, the time of day stays. -#}
({{ column }} + {{ days }} * interval '1 day')
{%- endmacro %}

{% macro session_setting(name, otherwise='manual') -%}
coalesce(nullif(current_setting('xinglin.{{ name }}', true), ''), '{{ otherwise }}')
{%- endmacro %}

{% macro policy_version() -%}
{{ session_setting('policy_version') }}::text
{%- endmacro %}

{% macro age_group(years) -%}
{#- Bands of the Chinese population statistics; everyone of 90 and older is one group. -#}
case
    when {{ years }} is null then null
    when {{ years }} >= 90 then '90+'
    when {{ years }} < 1 then '0'
    when {{ years }} < 5 then '1-4'
    else ({{ years }} / 5 * 5)::text || '-' || ({{ years }} / 5 * 5 + 4)::text
end
{%- endmacro %}

{% macro released_text(field) -%}
{#- A scrubbed text, unless it names a restricted disease of a person who has one. -#}
case when {{ restricted_text_reason('pseudonym.person_key', field ~ '_row.text') }} is null then {{ field }}_row.text end
{%- endmacro %}

{% macro text_withheld(fields) -%}
{#- The first reason for which one of a row's texts is withheld; null where all were released. -#}
coalesce(
    {%- for field in fields %}
    {{ field }}_row.withheld, {{ restricted_text_reason('pseudonym.person_key', field ~ '_row.text') }}{{ ',' if not loop.last }}
    {%- endfor %}
)
{%- endmacro %}
