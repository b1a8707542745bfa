-- One row per treatment of breast cancer of a cohort person: an operation, a given or dispensed drug, a course of radiotherapy.
-- What was done long before the diagnosis (a benign lump, another disease) is not part of the course.
with cohort as (
    select person_id, first_diagnosed_on - {{ var('days_before_diagnosis', 90) }} as from_day
    from {{ ref('int_breast_cancer_cohort') }}
),

operation as (
    select
        operation.person_id,
        kind.treatment_kind,
        kind.procedure_kind,
        operation.performed_on as treated_on,
        operation.code,
        operation.name as label,
        null::text as ingredient,
        null::text as symbol,
        operation._row_id
    from {{ ref('deid_procedure') }} as operation
    inner join {{ ref('breast_procedure_class') }} as kind on kind.procedure_class = operation.procedure_class
    inner join cohort on cohort.person_id = operation.person_id and operation.performed_on >= cohort.from_day
),

drug as (
    select
        medication.person_id,
        medication.drug_class as treatment_kind,
        null::text as procedure_kind,
        medication.started_at::date as treated_on,
        medication.drug_code as code,
        medication.drug_name as label,
        medication.ingredient,
        anticancer.symbol,
        medication._row_id
    from {{ ref('deid_medication') }} as medication
    inner join {{ ref('anticancer_drug') }} as anticancer on anticancer.ingredient = medication.ingredient
    inner join cohort on cohort.person_id = medication.person_id and medication.started_at::date >= cohort.from_day
),

radiotherapy_order as (
    select
        clinical_order.person_id,
        'radiotherapy'::text as treatment_kind,
        'radiotherapy'::text as procedure_kind,
        clinical_order.start_at::date as treated_on,
        clinical_order.item_code as code,
        clinical_order.name as label,
        null::text as ingredient,
        null::text as symbol,
        clinical_order._row_id
    from {{ ref('deid_clinical_order') }} as clinical_order
    inner join cohort on cohort.person_id = clinical_order.person_id and clinical_order.start_at::date >= cohort.from_day
    where clinical_order.order_type = 'radiotherapy'
      and clinical_order.status is distinct from 'cancelled'
),

int_breast_treatment as (
    select * from operation
    union all
    select * from drug
    union all
    select * from radiotherapy_order
)

select * from int_breast_treatment
