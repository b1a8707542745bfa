{#- Fails with every mart row that has no lineage or no source row, and every lineage row whose mart row is gone. -#}
{% test lineage_is_complete(model, mart) %}
select coalesce(mart.lineage_id, lineage.lineage_id) as lineage_id
from {{ mart }} as mart
full join {{ model }} as lineage on lineage.lineage_id = mart.lineage_id
where mart.lineage_id is null
   or lineage.lineage_id is null
   or cardinality(lineage.row_ids) = 0
   or array_position(lineage.row_ids, null) is not null
{% endtest %}
