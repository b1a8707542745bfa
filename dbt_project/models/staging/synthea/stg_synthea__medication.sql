select
    {{ surrogate_key(["'synthea.medication'", '_row_hash']) }} as medication_key,
    patient_id as patient_key,
    encounter_id as visit_key,
    null::uuid as order_key,
    'RxNorm'::text as code_system,
    trim(code) as drug_code,
    trim(description) as drug_name,
    null::text as strength,
    null::numeric as dose,
    null::text as dose_unit,
    dispenses as quantity,
    null::text as route,
    start_at as started_at,
    end_at as stopped_at,
    'synthea'::text as source_system,
    _row_id,
    _batch_id
from {{ source('synthea', 'synthea_medication') }}
