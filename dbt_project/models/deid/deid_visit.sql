select
    {{ pseudonymous_key('visit.visit_key', 'pseudonym.row_salt') }} as visit_key,
    pseudonym.person_id,
    {{ pseudonymous_key('visit.admission_key', 'pseudonym.row_salt') }} as admission_key,
    visit.visit_class,
    visit.department,
    {{ shift_timestamp('visit.start_at') }} as start_at,
    {{ shift_timestamp('visit.end_at') }} as end_at,
    visit.discharge_disposition_code,
    visit.source_system,
    visit._row_id,
    visit._batch_id,
    {{ policy_version() }} as _policy_version
from {{ ref('base_visit') }} as visit
inner join {{ source('vault', 'pseudonym') }} as pseudonym on pseudonym.person_key = visit.person_key
where true {{ only_changed_persons('visit') }}
