select
    operation_no as procedure_key,
    patient_no as patient_key,
    visit_no as visit_key,
    'ICD-9-CM-3'::text as code_system,
    trim(code) as code,
    trim(name_text) as name,
    performed_on,
    surgery_level,
    'his'::text as source_system,
    _row_id,
    _batch_id
from {{ source('his', 'his_operation') }}
