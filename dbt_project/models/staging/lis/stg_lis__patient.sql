select
    patient_no as patient_key,
    sex as sex_code,
    birth_date,
    null::date as death_date,
    null::text as marital_status_code,
    null::text as ethnicity_code,
    null::text as race,
    null::text as region,
    resident_id_index,
    null::uuid as ssn_index,
    'lis'::text as source_system,
    'stg_lis__patient'::text as fed_by,
    _row_id,
    _batch_id
from {{ source('lis', 'lis_patient') }}
