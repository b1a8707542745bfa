-- Text comes from deid.free_text, already scrubbed; base holds none.
select
    {{ pseudonymous_key('clinical_note.note_key', 'pseudonym.row_salt') }} as note_key,
    pseudonym.person_id,
    {{ pseudonymous_key('clinical_note.visit_key', 'pseudonym.row_salt') }} as visit_key,
    clinical_note.note_type,
    {{ shift_timestamp('clinical_note.authored_at') }} as authored_at,
    {{ released_text('text') }} as text,
    {{ text_withheld(['text']) }} as text_withheld,
    text_row.scrubbed_at as _scrubbed_at,
    clinical_note.source_system,
    clinical_note._row_id,
    clinical_note._batch_id,
    {{ policy_version() }} as _policy_version
from {{ ref('base_clinical_note') }} as clinical_note
inner join {{ source('vault', 'pseudonym') }} as pseudonym on pseudonym.person_key = clinical_note.person_key
left join {{ source('deid', 'free_text') }} as text_row
    on text_row.row_id = clinical_note._row_id and text_row.field = 'text'
where true {{ only_changed_persons('clinical_note') }}
