-- One row per cycle of chemotherapy or HER2-targeted therapy of a cohort person.
with administration as (
    select
        treatment.person_id,
        treatment.treated_on,
        bool_or(treatment.treatment_kind = 'chemotherapy') as with_chemotherapy
    from {{ ref('int_breast_treatment') }} as treatment
    where treatment.treatment_kind in ('chemotherapy', 'her2_targeted', 'immunotherapy')
    group by treatment.person_id, treatment.treated_on
),

intended as (
    select
        administration.*,
        case
            when administration.treated_on >= course.advanced_on then 'advanced'
            when course.surgery_on is null then 'primary'
            when administration.treated_on < course.surgery_on then 'neoadjuvant'
            else 'adjuvant'
        end as intent
    from administration
    inner join {{ ref('int_breast_cancer_course') }} as course on course.person_id = administration.person_id
),

gapped as (
    -- days 1 and 8 of one cycle are up to 10 days apart, the next cycle starts later
    select
        intended.*,
        case
            when intended.treated_on - lag(intended.treated_on) over person_intent <= {{ var('days_within_cycle', 10) }} then 0
            else 1
        end as starts_run
    from intended
    window person_intent as (partition by intended.person_id, intended.intent order by intended.treated_on)
),

run as (
    select
        gapped.*,
        sum(gapped.starts_run) over (partition by gapped.person_id, gapped.intent order by gapped.treated_on) as run_number
    from gapped
),

placed as (
    -- weekly therapy has no gap at all: every 21 days of it count as a cycle
    select
        run.*,
        (run.treated_on - min(run.treated_on) over (partition by run.person_id, run.intent, run.run_number))
            / {{ var('days_of_cycle', 21) }} as cycle_of_run
    from run
),

cycle as (
    select
        placed.person_id,
        placed.intent,
        placed.run_number,
        placed.cycle_of_run,
        min(placed.treated_on) as started_on,
        max(placed.treated_on) as last_given_on,
        bool_or(placed.with_chemotherapy) as with_chemotherapy
    from placed
    group by placed.person_id, placed.intent, placed.run_number, placed.cycle_of_run
),

int_breast_chemotherapy_cycle as (
    select
        cycle.person_id,
        cycle.intent,
        case when cycle.with_chemotherapy then 'chemotherapy' else 'targeted' end as line_kind,
        cycle.started_on,
        cycle.last_given_on,
        lead(cycle.started_on) over (partition by cycle.person_id order by cycle.started_on) as next_started_on,
        row_number() over (partition by cycle.person_id order by cycle.started_on)::integer as cycle_number,
        given.ingredients,
        given.symbols,
        given._row_ids
    from cycle
    cross join lateral (
        select
            array_agg(distinct treatment.ingredient order by treatment.ingredient) as ingredients,
            string_agg(distinct treatment.symbol, '+') as symbols,
            array_agg(treatment._row_id order by treatment._row_id) as _row_ids
        from {{ ref('int_breast_treatment') }} as treatment
        where treatment.person_id = cycle.person_id
          and treatment.treated_on between cycle.started_on and cycle.last_given_on
          and treatment.treatment_kind in ('chemotherapy', 'her2_targeted', 'immunotherapy')
    ) as given
)

select * from int_breast_chemotherapy_cycle
