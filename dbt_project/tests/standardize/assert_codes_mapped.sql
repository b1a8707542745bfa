{#- Codes that code_map does not know became "other" or null in base; each row names one to add. -#}
{{ config(severity='warn') }}
{%- set coded = [
    ('patient', 'person.sex', 'sex_code'),
    ('patient', 'person.marital_status_code', 'marital_status_code'),
    ('visit', 'visit.visit_class', 'visit_class_code'),
    ('diagnosis', 'diagnosis.diagnosis_rank', 'diagnosis_rank_code'),
    ('clinical_order', 'clinical_order.order_type', 'order_type_code'),
    ('clinical_order', 'clinical_order.status', 'status_code'),
    ('follow_up', 'follow_up.method', 'method_code'),
    ('follow_up', 'follow_up.status', 'status_code'),
] %}
with used as (
    {% for entity, field, column in coded %}
    select distinct source_system, '{{ field }}'::text as field, {{ column }} as code
    from ({{ fed_rows(entity, ['source_system', column], tested_through()) }}) as delivered
    where {{ column }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select used.source_system, used.field, used.code
from used
where not exists (
    select 1
    from {{ ref('code_map') }} as known
    where known.source_system = used.source_system and known.field = used.field and known.code = used.code
)
