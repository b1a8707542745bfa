-- One row per cohort person: the days on which the course turns, and the stage.
with operation as (
    select distinct on (person_id) person_id, treated_on as surgery_on, procedure_kind as surgery_kind, label as surgery_name, _row_id
    from {{ ref('int_breast_treatment') }}
    where procedure_kind in ('mastectomy', 'breast_conserving')
    order by person_id, treated_on, _row_id
),

first_treatment as (
    select distinct on (person_id) person_id, treated_on as first_treatment_on, treatment_kind as first_treatment, _row_id
    from {{ ref('int_breast_treatment') }}
    where procedure_kind is distinct from 'biopsy'
    order by person_id, treated_on, _row_id
),

systemic as (
    select person_id, min(treated_on) as first_systemic_on
    from {{ ref('int_breast_treatment') }}
    where treatment_kind in ('chemotherapy', 'her2_targeted', 'immunotherapy')
    group by person_id
),

contact as (
    select
        person_id,
        min(death_date) as death_on,
        max(contacted_on) filter (where status <> 'lost') as last_contact_on
    from {{ ref('deid_follow_up') }}
    where person_id in (select cohort.person_id from {{ ref('int_breast_cancer_cohort') }} as cohort)
    group by person_id
),

stage_statement as (
    -- the earliest statement is the one that was treated; what is left after treatment (yp) is no stage of the disease
    select
        person_id, stated_on, t_category, n_category, m_category, stage_group_stated, _row_id,
        case when tnm_prefix like '%p%' then 'pathologic' else 'clinical' end as stage_basis
    from {{ ref('int_breast_note_stage') }}
    where tnm_prefix is distinct from 'yp'
    union all
    select
        person_id, reported_on, t_category, n_category, m_category, stage_group_stated, _row_id,
        'pathologic'
    from {{ ref('int_breast_pathology_finding') }}
    where (t_category is not null or stage_group_stated is not null)
      and tnm_prefix is distinct from 'yp'
),

stage as (
    select distinct on (stage_statement.person_id)
        stage_statement.*,
        coalesce({{ anatomic_stage('stage_statement.t_category', 'stage_statement.n_category', 'stage_statement.m_category') }},
                 stage_statement.stage_group_stated) as stage_group
    from stage_statement
    order by
        stage_statement.person_id,
        (stage_statement.t_category is null),
        stage_statement.stated_on,
        stage_statement._row_id
),

spread as (
    -- distant metastasis found until shortly after the start of treatment was there before it; what comes later is relapse
    select
        spread.person_id,
        min(spread.reported_on) filter (where spread.kind = 'metastasis' and not spread.later) as spread_at_start_on,
        (array_agg(spread._row_id order by spread.reported_on) filter (where spread.kind = 'metastasis' and not spread.later))[1]
            as spread_row_id,
        min(spread.reported_on) filter (where spread.later) as relapse_on
    from (
        select
            report.*,
            report.reported_on > coalesce(first_treatment.first_treatment_on, cohort.first_diagnosed_on)
                + {{ var('days_of_staging', 30) }} as later
        from {{ ref('int_breast_spread') }} as report
        inner join {{ ref('int_breast_cancer_cohort') }} as cohort on cohort.person_id = report.person_id
        left join first_treatment on first_treatment.person_id = report.person_id
    ) as spread
    group by spread.person_id
),

staged as (
    select
        cohort.person_id,
        stage.t_category,
        stage.n_category,
        case when spread.spread_at_start_on is not null then '1' else stage.m_category end as m_category,
        case when spread.spread_at_start_on is not null then 'IV' else stage.stage_group end as stage_group,
        case when spread.spread_at_start_on is not null then 'clinical' else stage.stage_basis end as stage_basis,
        array_remove(array[stage._row_id, spread.spread_row_id], null) as _row_ids
    from {{ ref('int_breast_cancer_cohort') }} as cohort
    left join stage on stage.person_id = cohort.person_id
    left join spread on spread.person_id = cohort.person_id
),

int_breast_cancer_course as (
    select
        cohort.person_id,
        cohort.first_diagnosed_on,
        first_treatment.first_treatment_on,
        first_treatment.first_treatment,
        coalesce(first_treatment.first_treatment_on, cohort.first_diagnosed_on) as index_on,
        case when first_treatment.first_treatment_on is not null then 'treatment' else 'diagnosis' end as index_event,
        operation.surgery_on,
        operation.surgery_kind,
        operation.surgery_name,
        operation.surgery_on is not null and coalesce(systemic.first_systemic_on < operation.surgery_on, false) as neoadjuvant,
        staged.t_category,
        staged.n_category,
        staged.m_category,
        staged.stage_group,
        staged.stage_basis,
        case when staged.stage_group is distinct from 'IV' then spread.relapse_on end as relapse_on,
        coalesce(person.death_date, contact.death_on) as death_on,
        contact.last_contact_on,
        -- from this day on treatment is for advanced disease
        case when staged.stage_group = 'IV' then cohort.first_diagnosed_on else spread.relapse_on end as advanced_on,
        array_remove(array[first_treatment._row_id, operation._row_id], null) || staged._row_ids as _row_ids
    from {{ ref('int_breast_cancer_cohort') }} as cohort
    inner join {{ ref('deid_person') }} as person on person.person_id = cohort.person_id
    left join operation on operation.person_id = cohort.person_id
    left join first_treatment on first_treatment.person_id = cohort.person_id
    left join systemic on systemic.person_id = cohort.person_id
    left join contact on contact.person_id = cohort.person_id
    left join staged on staged.person_id = cohort.person_id
    left join spread on spread.person_id = cohort.person_id
)

select * from int_breast_cancer_course
