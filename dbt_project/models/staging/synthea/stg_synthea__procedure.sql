select
    {{ surrogate_key(["'synthea.procedure'", '_row_hash']) }} as procedure_key,
    patient_id as patient_key,
    encounter_id as visit_key,
    'SNOMED-CT'::text as code_system,
    trim(code) as code,
    trim(description) as name,
    start_at::date as performed_on,
    null::text as surgery_level,
    'synthea'::text as source_system,
    _row_id,
    _batch_id
from {{ source('synthea', 'synthea_procedure') }}
