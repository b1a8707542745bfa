select
    fee_no as charge_key,
    patient_no as patient_key,
    visit_no as visit_key,
    item_code,
    trim(item_name) as item_name,
    fee_class,
    quantity,
    unit_price,
    amount,
    charged_at,
    'his'::text as source_system,
    _row_id,
    _batch_id
from {{ source('his', 'his_fee') }}
