-- One unit per test: a value of a known test is multiplied into the test's unit. A unit without a factor leaves the value null
-- and fails the test assert_lab_units_converted; nothing is guessed.
with newest as (
    {{ newest_versions('lab_result', 'lab_result_key', [
        'visit_key', 'code_system', 'code', 'test_name', 'category_code', 'value_num', 'value_text',
        'unit', 'ref_low', 'ref_high', 'abnormal_flag', 'sampled_at', 'reported_at',
    ]) }}
),

base_lab_result as (
    select
        newest.lab_result_key,
        link.person_key,
        newest.patient_key,
        newest.visit_key,
        coalesce(mapped.test_code, newest.code) as test_code,
        coalesce(test.loinc_code, case when newest.code_system = 'LOINC' then newest.code end) as loinc_code,
        coalesce(test.name_zh, newest.test_name) as test_name,
        coalesce(category.value, 'other') as category,
        {{ in_standard_unit('newest.value_num') }} as value_num,
        case when test.unit is null then newest.unit else test.unit end as unit,
        newest.value_text,
        {{ in_standard_unit('newest.ref_low') }} as ref_low,
        {{ in_standard_unit('newest.ref_high') }} as ref_high,
        newest.abnormal_flag,
        newest.sampled_at,
        newest.reported_at,
        newest.code_system as source_code_system,
        newest.code as source_code,
        newest.value_num as source_value,
        newest.unit as source_unit,
        newest.source_system,
        newest._row_id,
        newest._batch_id
    from newest
    left join {{ ref('base_person_link') }} as link on link.patient_key = newest.patient_key
    left join {{ ref('lab_test_code') }} as mapped on mapped.code_system = newest.code_system and mapped.code = newest.code
    left join {{ ref('lab_test') }} as test on test.test_code = mapped.test_code
    left join {{ ref('unit_conversion') }} as conversion
        on conversion.test_code = test.test_code
        and conversion.source_unit = newest.unit
    {{ code_lookup('category', 'lab_result.category', 'category_code') }}
)

select * from base_lab_result
