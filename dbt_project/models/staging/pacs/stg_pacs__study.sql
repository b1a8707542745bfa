select
    study_uid as study_key,
    patient_no as patient_key,
    visit_no as visit_key,
    modality,
    trim(body_part) as body_part,
    studied_at,
    reported_at,
    'pacs'::text as source_system,
    _row_id,
    _batch_id
from {{ source('pacs', 'pacs_study') }}
