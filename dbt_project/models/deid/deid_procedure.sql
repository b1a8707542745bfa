-- Rows of level 5 (seed restricted_term) stay in base and are counted in deid.withheld.
select
    {{ pseudonymous_key('operation.procedure_key', 'pseudonym.row_salt') }} as procedure_key,
    pseudonym.person_id,
    {{ pseudonymous_key('operation.visit_key', 'pseudonym.row_salt') }} as visit_key,
    operation.code_system,
    operation.code,
    operation.name,
    {{ shift_date('operation.performed_on') }} as performed_on,
    operation.surgery_level,
    operation.procedure_class,
    operation.source_system,
    operation._row_id,
    operation._batch_id,
    {{ policy_version() }} as _policy_version
from {{ ref('base_procedure') }} as operation
inner join {{ source('vault', 'pseudonym') }} as pseudonym on pseudonym.person_key = operation.person_key
where true {{ only_changed_persons('operation') }}
  and not coalesce({{ is_restricted_row('procedure', 'operation', 'name') }}, false)
