-- Text comes from deid.free_text, already scrubbed; base holds none.
select
    {{ pseudonymous_key('imaging_study.study_key', 'pseudonym.row_salt') }} as study_key,
    pseudonym.person_id,
    {{ pseudonymous_key('imaging_study.visit_key', 'pseudonym.row_salt') }} as visit_key,
    imaging_study.modality,
    imaging_study.body_part,
    {{ shift_timestamp('imaging_study.studied_at') }} as studied_at,
    {{ shift_timestamp('imaging_study.reported_at') }} as reported_at,
    {{ released_text('findings_text') }} as findings_text,
    {{ released_text('impression_text') }} as impression_text,
    {{ text_withheld(['findings_text', 'impression_text']) }} as text_withheld,
    greatest(findings_text_row.scrubbed_at, impression_text_row.scrubbed_at) as _scrubbed_at,
    imaging_study.source_system,
    imaging_study._row_id,
    imaging_study._batch_id,
    {{ policy_version() }} as _policy_version
from {{ ref('base_imaging_study') }} as imaging_study
inner join {{ source('vault', 'pseudonym') }} as pseudonym on pseudonym.person_key = imaging_study.person_key
left join {{ source('deid', 'free_text') }} as findings_text_row
    on findings_text_row.row_id = imaging_study._row_id and findings_text_row.field = 'findings_text'
left join {{ source('deid', 'free_text') }} as impression_text_row
    on impression_text_row.row_id = imaging_study._row_id and impression_text_row.field = 'impression_text'
where true {{ only_changed_persons('imaging_study') }}
