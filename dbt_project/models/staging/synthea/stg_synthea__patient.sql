select
    patient_id as patient_key,
    sex as sex_code,
    birth_date,
    death_date,
    marital_status as marital_status_code,
    null::text as ethnicity_code,
    race,
    nullif(concat_ws(', ', trim(city), trim(state)), '') as region,
    null::uuid as resident_id_index,
    ssn_index,
    'synthea'::text as source_system,
    'stg_synthea__patient'::text as fed_by,
    _row_id,
    _batch_id
from {{ source('synthea', 'synthea_patient') }}
