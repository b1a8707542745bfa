-- Counted from the rules, not as a difference, so that the conservation test can find a row that nobody withheld on purpose.
with restricted_row as (
    select 'diagnosis'::text as table_name, 'restricted_disease'::text as reason
    from {{ ref('base_diagnosis') }} as diagnosis
    inner join {{ ref('int_restricted_diagnosis_code') }} as restricted
        on restricted.code_system = diagnosis.code_system and restricted.code = diagnosis.code
    union all
    select 'lab_result', 'restricted_disease'
    from {{ ref('base_lab_result') }} as lab_result
    where {{ is_restricted_row('lab_result', 'lab_result', 'test_name', 'value_text') }}
    union all
    select 'clinical_order', 'restricted_disease'
    from {{ ref('base_clinical_order') }} as clinical_order
    where {{ is_restricted_row('clinical_order', 'clinical_order', 'name') }}
    union all
    select 'medication', 'restricted_disease'
    from {{ ref('base_medication') }} as medication
    where {{ is_restricted_row('medication', 'medication', 'drug_name') }}
    union all
    select 'procedure', 'restricted_disease'
    from {{ ref('base_procedure') }} as operation
    where {{ is_restricted_row('procedure', 'operation', 'name') }}
),

withheld_text as (
    select 'pathology_report.text'::text as table_name, text_withheld as reason from {{ ref('deid_pathology_report') }}
    union all
    select 'imaging_study.text', text_withheld from {{ ref('deid_imaging_study') }}
    union all
    select 'clinical_note.text', text_withheld from {{ ref('deid_clinical_note') }}
    union all
    select 'follow_up.text', text_withheld from {{ ref('deid_follow_up') }}
),

deid_withheld as (
    select table_name, reason, count(*) as rows
    from (
        select table_name, reason from restricted_row
        union all
        select table_name, reason from withheld_text where reason is not null
    ) as withheld_row
    group by table_name, reason
)

select * from deid_withheld
