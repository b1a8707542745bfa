-- All diagnoses, de-identified; diseases names those of level 5 (seed restricted_diagnosis) that the row reveals, null for the others.
select
    {{ pseudonymous_key('diagnosis.diagnosis_key', 'pseudonym.row_salt') }} as diagnosis_key,
    pseudonym.person_id,
    {{ pseudonymous_key('diagnosis.visit_key', 'pseudonym.row_salt') }} as visit_key,
    diagnosis.code_system,
    diagnosis.code,
    diagnosis.name,
    diagnosis.diagnosis_rank,
    {{ shift_timestamp('diagnosis.diagnosed_at') }} as diagnosed_at,
    diagnosis.concept,
    diagnosis.source_system,
    diagnosis._row_id,
    diagnosis._batch_id,
    {{ policy_version() }} as _policy_version,
    restricted.diseases
from {{ ref('base_diagnosis') }} as diagnosis
inner join {{ source('vault', 'pseudonym') }} as pseudonym on pseudonym.person_key = diagnosis.person_key
left join {{ ref('int_restricted_diagnosis_code') }} as restricted
    on restricted.code_system = diagnosis.code_system and restricted.code = diagnosis.code
