select
    encounter_id as visit_key,
    patient_id as patient_key,
    null::uuid as admission_key,
    encounter_class as visit_class_code,
    trim(description) as department,
    null::text as admission_route_code,
    start_at,
    end_at,
    null::text as discharge_disposition_code,
    'synthea'::text as source_system,
    _row_id,
    _batch_id
from {{ source('synthea', 'synthea_encounter') }}
