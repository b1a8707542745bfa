-- All rows, de-identified; diseases names those of level 5 (seed restricted_term) that the row reveals, null for the others.
select
    {{ pseudonymous_key('medication.medication_key', 'pseudonym.row_salt') }} as medication_key,
    pseudonym.person_id,
    {{ pseudonymous_key('medication.visit_key', 'pseudonym.row_salt') }} as visit_key,
    {{ pseudonymous_key('medication.order_key', 'pseudonym.row_salt') }} as order_key,
    medication.drug_code,
    medication.drug_name,
    medication.ingredient,
    medication.drug_class,
    medication.strength,
    medication.dose,
    medication.dose_unit,
    medication.quantity,
    medication.route,
    {{ shift_timestamp('medication.started_at') }} as started_at,
    {{ shift_timestamp('medication.stopped_at') }} as stopped_at,
    medication.source_system,
    medication._row_id,
    medication._batch_id,
    {{ policy_version() }} as _policy_version,
    restricted.diseases
from {{ ref('base_medication') }} as medication
inner join {{ source('vault', 'pseudonym') }} as pseudonym on pseudonym.person_key = medication.person_key
{{ join_restricted_names('medication', 'medication', 'drug_name') }}
