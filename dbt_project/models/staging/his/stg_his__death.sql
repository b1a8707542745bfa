-- CV06.00.226: 5 = died in hospital
select
    patient_no as patient_key,
    null::text as sex_code,
    null::date as birth_date,
    end_at::date as death_date,
    null::text as marital_status_code,
    null::text as ethnicity_code,
    null::text as race,
    null::text as region,
    null::uuid as resident_id_index,
    null::uuid as ssn_index,
    'his'::text as source_system,
    'stg_his__death'::text as fed_by,
    _row_id,
    _batch_id
from {{ source('his', 'his_visit') }}
where discharge_disposition = '5'
