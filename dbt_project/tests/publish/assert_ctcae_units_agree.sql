-- A CTCAE bound is in the unit of its test; another unit would grade every result wrongly.
{{ config(tags=['publish']) }}  -- seeds are loaded with the first layer, this rule belongs to the last
select rule.term, rule.loinc_code, rule.unit, lab_test.unit as unit_of_test
from {{ ref('ctcae_grade') }} as rule
left join {{ ref('lab_test') }} as lab_test on lab_test.loinc_code = rule.loinc_code
where lab_test.unit is distinct from rule.unit
