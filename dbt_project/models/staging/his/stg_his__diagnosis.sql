select
    diagnosis_no as diagnosis_key,
    patient_no as patient_key,
    visit_no as visit_key,
    'ICD-10'::text as code_system,
    trim(code) as code,
    trim(name_text) as name,
    diagnosis_rank as diagnosis_rank_code,
    diagnosed_at,
    'his'::text as source_system,
    _row_id,
    _batch_id
from {{ source('his', 'his_diagnosis') }}
