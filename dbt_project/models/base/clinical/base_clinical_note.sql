with newest as (
    {{ newest_versions('clinical_note', 'note_key', [
        'visit_key', 'note_type', 'title', 'authored_at',
    ]) }}
),

base_clinical_note as (
    select
        newest.note_key,
        link.person_key,
        newest.patient_key,
        newest.visit_key,
        newest.note_type,
        newest.title,
        newest.authored_at,
        newest.source_system,
        newest._row_id,
        newest._batch_id
    from newest
    left join {{ ref('base_person_link') }} as link on link.patient_key = newest.patient_key
)

select * from base_clinical_note
