with newest as (
    {{ newest_versions('visit', 'visit_key', [
        'admission_key', 'visit_class_code', 'department', 'admission_route_code', 'start_at', 'end_at',
        'discharge_disposition_code',
    ]) }}
),

base_visit as (
    select
        newest.visit_key,
        link.person_key,
        newest.patient_key,
        newest.admission_key,
        coalesce(visit_class.value, 'other') as visit_class,
        newest.department,
        newest.admission_route_code,
        newest.start_at,
        newest.end_at,
        newest.discharge_disposition_code,
        newest.source_system,
        newest._row_id,
        newest._batch_id
    from newest
    left join {{ ref('base_person_link') }} as link on link.patient_key = newest.patient_key
    {{ code_lookup('visit_class', 'visit.visit_class', 'visit_class_code') }}
)

select * from base_visit
