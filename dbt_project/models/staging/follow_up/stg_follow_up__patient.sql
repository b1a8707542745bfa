select
    patient_no as patient_key,
    null::text as sex_code,
    null::date as birth_date,
    null::date as death_date,
    null::text as marital_status_code,
    null::text as ethnicity_code,
    null::text as race,
    null::text as region,
    resident_id_index,
    null::uuid as ssn_index,
    'follow_up'::text as source_system,
    'stg_follow_up__patient'::text as fed_by,
    _row_id,
    _batch_id
from {{ source('follow_up', 'follow_up_contact') }}
