with newest as (
    {{ newest_versions('imaging_study', 'study_key', [
        'visit_key', 'modality', 'body_part', 'studied_at', 'reported_at',
    ]) }}
),

base_imaging_study as (
    select
        newest.study_key,
        link.person_key,
        newest.patient_key,
        newest.visit_key,
        newest.modality,
        newest.body_part,
        newest.studied_at,
        newest.reported_at,
        newest.source_system,
        newest._row_id,
        newest._batch_id
    from newest
    left join {{ ref('base_person_link') }} as link on link.patient_key = newest.patient_key
)

select * from base_imaging_study
