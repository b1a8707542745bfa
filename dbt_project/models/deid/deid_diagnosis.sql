-- Diagnoses of level 5 (seed restricted_diagnosis) stay in base and are counted in deid.withheld.
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
    {{ policy_version() }} as _policy_version
from {{ ref('base_diagnosis') }} as diagnosis
inner join {{ source('vault', 'pseudonym') }} as pseudonym on pseudonym.person_key = diagnosis.person_key
where true {{ only_changed_persons('diagnosis') }}
  and not exists (
      select 1
      from {{ ref('int_restricted_diagnosis_code') }} as restricted
      where restricted.code_system = diagnosis.code_system
        and restricted.code = diagnosis.code
  )
