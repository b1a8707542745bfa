{#- Conservation: each natural key that a staging model delivers stands in the table. Looks at untested batches only. -#}
{% test every_delivered_key_is_held(model, entity, key) %}
with delivered as (
    {{ fed_rows(entity, [key], tested_through()) }}
),

held as (
    select {{ key }} from {{ model }}
)

select distinct delivered.{{ key }}
from delivered
left join held on held.{{ key }} = delivered.{{ key }}
where held.{{ key }} is null
{% endtest %}
