-- All rows, de-identified; diseases names those of level 5 (seed restricted_term) that the row reveals, null for the others.
select
    {{ pseudonymous_key('lab_result.lab_result_key', 'pseudonym.row_salt') }} as lab_result_key,
    pseudonym.person_id,
    {{ pseudonymous_key('lab_result.visit_key', 'pseudonym.row_salt') }} as visit_key,
    lab_result.test_code,
    lab_result.loinc_code,
    lab_result.test_name,
    lab_result.category,
    lab_result.value_num,
    lab_result.unit,
    lab_result.value_text,
    lab_result.ref_low,
    lab_result.ref_high,
    lab_result.abnormal_flag,
    {{ shift_timestamp('lab_result.sampled_at') }} as sampled_at,
    lab_result.source_system,
    lab_result._row_id,
    lab_result._batch_id,
    {{ policy_version() }} as _policy_version,
    restricted.diseases
from {{ ref('base_lab_result') }} as lab_result
inner join {{ source('vault', 'pseudonym') }} as pseudonym on pseudonym.person_key = lab_result.person_key
{{ join_restricted_names('lab_result', 'lab_result', 'test_name', 'value_text') }}
