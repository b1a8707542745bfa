with newest as (
    {{ newest_versions('procedure', 'procedure_key', [
        'visit_key', 'code_system', 'code', 'name', 'performed_on', 'surgery_level',
    ]) }}
),

base_procedure as (
    select
        newest.procedure_key,
        link.person_key,
        newest.patient_key,
        newest.visit_key,
        newest.code_system,
        newest.code,
        newest.name,
        newest.performed_on,
        newest.surgery_level,
        {{ prefix_value('class', 'procedure_class', [4, 5]) }} as procedure_class,
        newest.source_system,
        newest._row_id,
        newest._batch_id
    from newest
    left join {{ ref('base_person_link') }} as link on link.patient_key = newest.patient_key
    {{ prefix_lookup('class', 'procedure_class', 'code', [4, 5]) }}
)

select * from base_procedure
