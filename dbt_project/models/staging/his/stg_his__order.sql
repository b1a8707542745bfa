select
    order_no as order_key,
    patient_no as patient_key,
    visit_no as visit_key,
    order_type as order_type_code,
    trim(order_name) as name,
    item_code,
    order_status as status_code,
    start_at,
    stop_at,
    'his'::text as source_system,
    _row_id,
    _batch_id
from {{ source('his', 'his_order') }}
