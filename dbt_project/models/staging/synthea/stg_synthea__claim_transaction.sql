select
    transaction_id as charge_key,
    patient_id as patient_key,
    encounter_id as visit_key,
    trim(procedure_code) as item_code,
    null::text as item_name,
    null::text as fee_class,
    units as quantity,
    unit_amount as unit_price,
    amount,
    from_at as charged_at,
    'synthea'::text as source_system,
    _row_id,
    _batch_id
from {{ source('synthea', 'synthea_claim_transaction') }}
where transaction_type = 'CHARGE'
