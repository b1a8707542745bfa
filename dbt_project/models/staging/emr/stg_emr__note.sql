select
    record_no as note_key,
    mrn as patient_key,
    visit_no as visit_key,
    note_type,
    trim(title) as title,
    authored_at,
    'emr'::text as source_system,
    _row_id,
    _batch_id
from {{ source('emr', 'emr_note') }}
