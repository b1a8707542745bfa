-- Text comes from deid.free_text, already scrubbed; base holds none.
select
    {{ pseudonymous_key('pathology_report.report_key', 'pseudonym.row_salt') }} as report_key,
    pseudonym.person_id,
    {{ pseudonymous_key('pathology_report.admission_key', 'pseudonym.row_salt') }} as admission_key,
    pathology_report.specimen,
    {{ shift_date('pathology_report.received_on') }} as received_on,
    {{ shift_date('pathology_report.reported_on') }} as reported_on,
    {{ released_text('gross_text') }} as gross_text,
    {{ released_text('diagnosis_text') }} as diagnosis_text,
    {{ released_text('ihc_text') }} as ihc_text,
    {{ text_withheld(['gross_text', 'diagnosis_text', 'ihc_text']) }} as text_withheld,
    greatest(gross_text_row.scrubbed_at, diagnosis_text_row.scrubbed_at, ihc_text_row.scrubbed_at) as _scrubbed_at,
    pathology_report.source_system,
    pathology_report._row_id,
    pathology_report._batch_id,
    {{ policy_version() }} as _policy_version
from {{ ref('base_pathology_report') }} as pathology_report
inner join {{ source('vault', 'pseudonym') }} as pseudonym on pseudonym.person_key = pathology_report.person_key
left join {{ source('deid', 'free_text') }} as gross_text_row
    on gross_text_row.row_id = pathology_report._row_id and gross_text_row.field = 'gross_text'
left join {{ source('deid', 'free_text') }} as diagnosis_text_row
    on diagnosis_text_row.row_id = pathology_report._row_id and diagnosis_text_row.field = 'diagnosis_text'
left join {{ source('deid', 'free_text') }} as ihc_text_row
    on ihc_text_row.row_id = pathology_report._row_id and ihc_text_row.field = 'ihc_text'
where true {{ only_changed_persons('pathology_report') }}
