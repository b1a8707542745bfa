with newest as (
    {{ newest_versions('diagnosis', 'diagnosis_key', [
        'visit_key', 'code_system', 'code', 'name', 'diagnosis_rank_code', 'diagnosed_at',
    ]) }}
),

base_diagnosis as (
    select
        newest.diagnosis_key,
        link.person_key,
        newest.patient_key,
        newest.visit_key,
        newest.code_system,
        newest.code,
        newest.name,
        diagnosis_rank.value as diagnosis_rank,
        newest.diagnosed_at,
        {{ prefix_value('concept', 'concept', [3, 5]) }} as concept,
        newest.source_system,
        newest._row_id,
        newest._batch_id
    from newest
    left join {{ ref('base_person_link') }} as link on link.patient_key = newest.patient_key
    {{ code_lookup('diagnosis_rank', 'diagnosis.diagnosis_rank', 'diagnosis_rank_code') }}
    {{ prefix_lookup('concept', 'concept_code', 'code', [3, 5]) }}
)

select * from base_diagnosis
