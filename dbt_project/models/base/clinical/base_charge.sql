with newest as (
    {{ newest_versions('charge', 'charge_key', [
        'visit_key', 'item_code', 'item_name', 'fee_class', 'quantity', 'unit_price', 'amount',
        'charged_at',
    ]) }}
),

base_charge as (
    select
        newest.charge_key,
        link.person_key,
        newest.patient_key,
        newest.visit_key,
        newest.item_code,
        newest.item_name,
        newest.fee_class,
        newest.quantity,
        newest.unit_price,
        newest.amount,
        newest.charged_at,
        newest.source_system,
        newest._row_id,
        newest._batch_id
    from newest
    left join {{ ref('base_person_link') }} as link on link.patient_key = newest.patient_key
)

select * from base_charge
