select
    visit_no as visit_key,
    patient_no as patient_key,
    admission_no as admission_key,
    visit_class as visit_class_code,
    trim(department) as department,
    admission_route as admission_route_code,
    start_at,
    end_at,
    discharge_disposition as discharge_disposition_code,
    'his'::text as source_system,
    _row_id,
    _batch_id
from {{ source('his', 'his_visit') }}
