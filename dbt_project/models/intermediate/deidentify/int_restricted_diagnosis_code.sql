-- A few hundred distinct codes are matched with the prefixes once, instead of every diagnosis.
with diagnosis_code as (
    select distinct code_system, code
    from {{ ref('base_diagnosis') }}
),

int_restricted_diagnosis_code as (
    select
        diagnosis_code.code_system,
        diagnosis_code.code,
        array_agg(distinct restricted.disease order by restricted.disease) as diseases
    from diagnosis_code
    inner join {{ ref('restricted_diagnosis') }} as restricted
        on restricted.code_system = diagnosis_code.code_system
        and starts_with(diagnosis_code.code, restricted.code_prefix)
    group by diagnosis_code.code_system, diagnosis_code.code
)

select * from int_restricted_diagnosis_code
