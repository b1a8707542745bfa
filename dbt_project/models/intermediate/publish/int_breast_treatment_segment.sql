-- One row per cycle (chemotherapy, targeted) or day of dispensing (endocrine and other oral drugs), with the line it belongs to.
with step as (
    select
        cycle.person_id, cycle.line_kind, cycle.intent, cycle.started_on, cycle.last_given_on,
        array_to_string(cycle.ingredients, '+') as ingredients,
        cycle.symbols,
        cycle._row_ids,
        {{ var('days_between_lines', 60) }} as longest_pause_days,
        -- in advanced disease another set of drugs is another line; before it, drugs in sequence are one regimen
        case when cycle.intent = 'advanced' then array_to_string(cycle.ingredients, '+') else '' end as line_ingredients
    from {{ ref('int_breast_chemotherapy_cycle') }} as cycle
    union all
    select
        treatment.person_id, treatment.treatment_kind,
        case
            when treatment.treated_on >= course.advanced_on then 'advanced'
            when course.surgery_on is null then 'primary'
            when treatment.treated_on < course.surgery_on then 'neoadjuvant'
            else 'adjuvant'
        end,
        treatment.treated_on, treatment.treated_on,
        treatment.ingredient, treatment.symbol,
        array[treatment._row_id],
        {{ var('days_between_oral_lines', 270) }},
        treatment.ingredient
    from {{ ref('int_breast_treatment') }} as treatment
    inner join {{ ref('int_breast_cancer_course') }} as course on course.person_id = treatment.person_id
    where treatment.treatment_kind in ('endocrine', 'cdk4_6_inhibitor')
),

paused as (
    select
        step.*,
        lag(step.line_ingredients) over of_kind as previous_ingredients,
        lag(step.last_given_on) over of_kind as previous_given_on
    from step
    window of_kind as (
        partition by step.person_id, step.line_kind, step.intent,
            case when step.line_kind in ('chemotherapy', 'targeted') then '' else step.line_ingredients end
        order by step.started_on
    )
),

split as (
    select
        paused.*,
        case
            when paused.started_on - paused.previous_given_on <= paused.longest_pause_days
                 and paused.line_ingredients = paused.previous_ingredients then 0
            else 1
        end as starts_line
    from paused
),

int_breast_treatment_segment as (
    select
        split.person_id,
        split.line_kind,
        split.intent,
        split.started_on,
        split.last_given_on,
        split.ingredients,
        split.symbols,
        split._row_ids,
        sum(split.starts_line) over (
            partition by split.person_id, split.line_kind, split.intent,
                case when split.line_kind in ('chemotherapy', 'targeted') then '' else split.line_ingredients end
            order by split.started_on
        ) as line_of_kind,
        case when split.line_kind in ('chemotherapy', 'targeted') then '' else split.line_ingredients end as line_ingredients
    from split
)

select * from int_breast_treatment_segment
