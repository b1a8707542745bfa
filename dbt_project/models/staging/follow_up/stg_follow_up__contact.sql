select
    contact_no as follow_up_key,
    patient_no as patient_key,
    contacted_on,
    trim(method) as method_code,
    trim(status) as status_code,
    trim(recurrence_site) as recurrence_site,
    death_date,
    'follow_up'::text as source_system,
    _row_id,
    _batch_id
from {{ source('follow_up', 'follow_up_contact') }}
