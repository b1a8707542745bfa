-- All rows, de-identified; diseases names those of level 5 (seed restricted_term) that the row reveals, null for the others.
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
    {{ policy_version() }} as _policy_version,
    restricted.diseases
from {{ ref('base_procedure') }} as operation
inner join {{ source('vault', 'pseudonym') }} as pseudonym on pseudonym.person_key = operation.person_key
{{ join_restricted_names('procedure', 'operation', 'name') }}
