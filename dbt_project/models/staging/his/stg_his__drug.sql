select
    drug_no as medication_key,
    patient_no as patient_key,
    visit_no as visit_key,
    order_no as order_key,
    'HIS'::text as code_system,
    drug_code,
    trim(drug_name) as drug_name,
    strength,
    dose,
    dose_unit,
    quantity,
    route,
    dispensed_at as started_at,
    null::timestamp as stopped_at,
    'his'::text as source_system,
    _row_id,
    _batch_id
from {{ source('his', 'his_drug') }}
