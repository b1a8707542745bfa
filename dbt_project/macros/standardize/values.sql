{#- Keys and code values. -#}

{% macro surrogate_key(parts) -%}
{#- Key of a row whose source has no number of its own: hash of what identifies it (the parts are tokens or keyed hashes already). -#}
md5(concat_ws('|', {{ parts | join(', ') }}))::uuid
{%- endmacro %}

{% macro code_lookup(alias, field, code) -%}
{#- Join to the value that a source's code stands for (seed code_map); no match leaves nulls. -#}
left join {{ ref('code_map') }} as {{ alias }}
    on {{ alias }}.source_system = newest.source_system
    and {{ alias }}.field = '{{ field }}'
    and {{ alias }}.code = newest.{{ code }}
{%- endmacro %}

{% macro prefix_lookup(alias, seed, code, lengths) -%}
{#- Joins to a seed of code prefixes, one equality join a length (a starts_with join would compare every row with every prefix). -#}
{%- for length in lengths %}
left join {{ ref(seed) }} as {{ alias }}_{{ length }}
    on {{ alias }}_{{ length }}.code_system = newest.code_system
    and {{ alias }}_{{ length }}.code_prefix = left(newest.{{ code }}, {{ length }})
    and length({{ alias }}_{{ length }}.code_prefix) = {{ length }}
{%- endfor %}
left join {{ ref(seed) }} as {{ alias }}_whole
    on {{ alias }}_whole.code_system = newest.code_system
    and {{ alias }}_whole.code_prefix = newest.{{ code }}
{%- endmacro %}

{% macro prefix_value(alias, column, lengths) -%}
{#- The value of the longest prefix that matched. -#}
coalesce({{ alias }}_whole.{{ column }}
    {%- for length in lengths | sort(reverse=true) %}, {{ alias }}_{{ length }}.{{ column }}{% endfor %})
{%- endmacro %}

{% macro in_standard_unit(value) -%}
{#- A laboratory value in its test's unit; tests outside the catalogue keep the unit that they were reported in. -#}
case
    when test.unit is null or conversion.factor = 1 then {{ value }}
    else trim_scale(round({{ value }} * conversion.factor, 6))
end
{%- endmacro %}
