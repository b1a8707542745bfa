select
    patient_no as patient_key,
    sex as sex_code,
    birth_date,
    null::date as death_date,
    marital_status as marital_status_code,
    ethnicity as ethnicity_code,
    null::text as race,
    address_general as region,
    resident_id_index,
    null::uuid as ssn_index,
    'his'::text as source_system,
    'stg_his__patient'::text as fed_by,
    _row_id,
    _batch_id
from {{ source('his', 'his_patient') }}
