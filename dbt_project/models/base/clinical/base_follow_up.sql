with newest as (
    {{ newest_versions('follow_up', 'follow_up_key', [
        'contacted_on', 'method_code', 'status_code', 'recurrence_site', 'death_date',
    ]) }}
),

base_follow_up as (
    select
        newest.follow_up_key,
        link.person_key,
        newest.patient_key,
        newest.contacted_on,
        method.value as method,
        status.value as status,
        newest.recurrence_site,
        newest.death_date,
        newest.source_system,
        newest._row_id,
        newest._batch_id
    from newest
    left join {{ ref('base_person_link') }} as link on link.patient_key = newest.patient_key
    {{ code_lookup('method', 'follow_up.method', 'method_code') }}
    {{ code_lookup('status', 'follow_up.status', 'status_code') }}
)

select * from base_follow_up
