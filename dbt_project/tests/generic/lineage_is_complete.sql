{#- Fails with every mart row that has no lineage or no source row, every lineage row whose mart row is gone, and every
    lineage_id that stands for two rows. -#}
{% test lineage_is_complete(model, mart) %}
with mart as (
    select lineage_id, count(*) as mart_rows
    from {{ mart }}
    group by lineage_id
),

lineage as (
    select lineage_id, count(*) as lineage_rows, min(cardinality(row_ids)) as source_rows
    from {{ model }}
    group by lineage_id
)

select coalesce(mart.lineage_id, lineage.lineage_id) as lineage_id, mart.mart_rows, lineage.lineage_rows, lineage.source_rows
from mart
full join lineage on lineage.lineage_id = mart.lineage_id
where mart.mart_rows is distinct from 1
   or lineage.lineage_rows is distinct from 1
   or lineage.source_rows = 0
{% endtest %}
