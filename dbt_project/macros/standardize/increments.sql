{#- How base keeps up with landing: each model takes the batches above the newest one it holds, and no other rows. -#}

{% macro watermark() -%}
{#- Newest batch that this model holds; 0 before the first. A literal, so that the planner can use landing's index on _batch_id. -#}
{%- if execute and is_incremental() -%}
    {{ run_query('select coalesce(max(_batch_id), 0) from ' ~ this).columns[0].values()[0] }}
{%- else -%}
    0
{%- endif -%}
{%- endmacro %}

{% macro has_arrived(above) -%}
{#- Rows of batches above `above`. Where loads may be running, the runner names the last batch below every open one
    (setting xinglin.through_batch): a batch that commits late must not hide under a higher watermark. -#}
_batch_id > {{ above }}
and _batch_id <= (select coalesce(nullif(current_setting('xinglin.through_batch', true), '')::integer, 2147483647))
{%- endmacro %}

{% macro tested_through() -%}
{#- Newest batch that earlier runs have tested, as the runner says (setting xinglin.tested_through_batch); 0 without the setting. -#}
(select coalesce(nullif(current_setting('xinglin.tested_through_batch', true), '')::integer, 0))
{%- endmacro %}

{% macro fed_rows(entity, columns, above) -%}
{#- The rows of all staging models that feed an entity (var `feeds`), with the entity's columns. -#}
{%- for feeder in var('feeds')[entity] %}
select {{ columns | join(', ') }}
from {{ ref(feeder) }}
where {{ has_arrived(above) }}
{{ 'union all' if not loop.last }}
{%- endfor %}
{%- endmacro %}

{% macro newest_versions(entity, key, columns) -%}
{#- One row per key: its newest version among the rows that arrived since this model last ran. -#}
select distinct on ({{ key }}) *
from (
    {{ fed_rows(entity, [key] + columns + standard_columns(), watermark()) }}
) as fed
order by {{ key }}, _row_id desc
{%- endmacro %}

{% macro standard_columns() -%}
{{ return(['patient_key', 'source_system', '_row_id', '_batch_id']) }}
{%- endmacro %}

{% macro follow_person_links() -%}
{#- Pre-hook of the clinical models: two persons were found to be one (or one to be two) since this table's newest batch. -#}
{%- if execute and is_incremental() -%}
update {{ this }} as held
set person_key = link.person_key
from {{ ref('base_person_link') }} as link
where link.changed_batch_id >= (select coalesce(max(_batch_id), 0) from {{ this }})
    and held.person_key = any(link.former_person_keys)
    and held.patient_key = link.patient_key
    and held.person_key <> link.person_key
{%- else -%}
select 1
{%- endif -%}
{%- endmacro %}

{% macro forget_merged_persons() -%}
{#- Pre-hook of base_person: a person all of whose patient numbers went to another person is no person any more. -#}
{%- if execute and is_incremental() -%}
delete from {{ this }} as held
where held.person_key in (
    select unnest(link.former_person_keys)
    from {{ ref('base_person_link') }} as link
    where link.changed_batch_id >= (select coalesce(max(_batch_id), 0) from {{ this }})
)
and not exists (
    select 1 from {{ ref('base_person_link') }} as link where link.person_key = held.person_key
)
{%- else -%}
select 1
{%- endif -%}
{%- endmacro %}
