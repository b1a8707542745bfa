with newest as (
    {{ newest_versions('clinical_order', 'order_key', [
        'visit_key', 'order_type_code', 'name', 'item_code', 'status_code', 'start_at', 'stop_at',
    ]) }}
),

base_clinical_order as (
    select
        newest.order_key,
        link.person_key,
        newest.patient_key,
        newest.visit_key,
        coalesce(order_type.value, 'other') as order_type,
        newest.name,
        newest.item_code,
        status.value as status,
        newest.start_at,
        newest.stop_at,
        newest.source_system,
        newest._row_id,
        newest._batch_id
    from newest
    left join {{ ref('base_person_link') }} as link on link.patient_key = newest.patient_key
    {{ code_lookup('order_type', 'clinical_order.order_type', 'order_type_code') }}
    {{ code_lookup('status', 'clinical_order.status', 'status_code') }}
)

select * from base_clinical_order
