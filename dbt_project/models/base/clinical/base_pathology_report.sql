with newest as (
    {{ newest_versions('pathology_report', 'report_key', [
        'admission_key', 'department', 'specimen', 'received_on', 'reported_on',
    ]) }}
),

base_pathology_report as (
    select
        newest.report_key,
        link.person_key,
        newest.patient_key,
        newest.admission_key,
        newest.department,
        newest.specimen,
        newest.received_on,
        newest.reported_on,
        newest.source_system,
        newest._row_id,
        newest._batch_id
    from newest
    left join {{ ref('base_person_link') }} as link on link.patient_key = newest.patient_key
)

select * from base_pathology_report
