-- All rows, de-identified; diseases names those of level 5 (seed restricted_term) that the row reveals, null for the others.
select
    {{ pseudonymous_key('clinical_order.order_key', 'pseudonym.row_salt') }} as order_key,
    pseudonym.person_id,
    {{ pseudonymous_key('clinical_order.visit_key', 'pseudonym.row_salt') }} as visit_key,
    clinical_order.order_type,
    clinical_order.name,
    clinical_order.item_code,
    clinical_order.status,
    {{ shift_timestamp('clinical_order.start_at') }} as start_at,
    {{ shift_timestamp('clinical_order.stop_at') }} as stop_at,
    clinical_order.source_system,
    clinical_order._row_id,
    clinical_order._batch_id,
    {{ policy_version() }} as _policy_version,
    restricted.diseases
from {{ ref('base_clinical_order') }} as clinical_order
inner join {{ source('vault', 'pseudonym') }} as pseudonym on pseudonym.person_key = clinical_order.person_key
{{ join_restricted_names('clinical_order', 'clinical_order', 'name') }}
