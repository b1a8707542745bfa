select
    pathology_no as report_key,
    patient_no as patient_key,
    admission_no as admission_key,
    trim(department) as department,
    trim(specimen) as specimen,
    received_on,
    reported_on,
    'path'::text as source_system,
    _row_id,
    _batch_id
from {{ source('path', 'path_report') }}
