-- A value of a catalogued test whose unit has no factor in unit_conversion would be lost to research: add the factor.
select lab_result_key, test_code, source_code, source_unit
from {{ ref('base_lab_result') }}
where source_value is not null
    and value_num is null
    and _batch_id > {{ tested_through() }}
