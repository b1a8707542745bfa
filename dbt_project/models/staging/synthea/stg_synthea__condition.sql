select
    {{ surrogate_key(["'synthea.condition'", '_row_hash']) }} as diagnosis_key,
    patient_id as patient_key,
    encounter_id as visit_key,
    'SNOMED-CT'::text as code_system,
    trim(code) as code,
    trim(description) as name,
    null::text as diagnosis_rank_code,
    start_on::timestamp as diagnosed_at,
    'synthea'::text as source_system,
    _row_id,
    _batch_id
from {{ source('synthea', 'synthea_condition') }}
