select
    study_id as study_key,
    patient_id as patient_key,
    encounter_id as visit_key,
    trim(modality_code) as modality,
    trim(body_site) as body_part,
    studied_at,
    null::timestamp as reported_at,
    'synthea'::text as source_system,
    _row_id,
    _batch_id
from {{ source('synthea', 'synthea_imaging_study') }}
