{#- Where a model lives: the folder's schema as it stands (zones are real schemas, not suffixes of a developer's), and the model's
    name without the zone in front of it, so that base_visit is base.visit and deid_visit is deid.visit. -#}

{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}

{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
    {%- set zone = (node.config.schema or target.schema) ~ '_' -%}
    {%- if custom_alias_name -%}
        {{ custom_alias_name | trim }}
    {%- elif node.name.startswith(zone) -%}
        {{ node.name[zone | length:] }}
    {%- else -%}
        {{ node.name }}
    {%- endif -%}
{%- endmacro %}
