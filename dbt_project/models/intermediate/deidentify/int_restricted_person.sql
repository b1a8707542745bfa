with int_restricted_person as (
    select distinct diagnosis.person_key
    from {{ ref('base_diagnosis') }} as diagnosis
    inner join {{ ref('int_restricted_diagnosis_code') }} as restricted
        on restricted.code_system = diagnosis.code_system and restricted.code = diagnosis.code
)

select * from int_restricted_person
