-- One row per laboratory result of a cohort person between the start of a cycle and 35 days after it, with its CTCAE grade.
with limits as (
    select distinct loinc_code, term, term_zh
    from {{ ref('ctcae_grade') }}
),

result as (
    select
        lab_result.person_id,
        lab_result.loinc_code,
        lab_result.sampled_at,
        lab_result.value_num,
        lab_result.unit,
        lab_result.ref_low,
        lab_result.ref_high,
        lab_result._row_id
    from {{ ref('deid_lab_result') }} as lab_result
    where lab_result.loinc_code in (select limits.loinc_code from limits)
      and lab_result.value_num is not null
      and lab_result.person_id in (select cycle.person_id from {{ ref('int_breast_chemotherapy_cycle') }} as cycle)
),

int_breast_graded_result as (
    select
        result.person_id,
        limits.term,
        limits.term_zh,
        result.loinc_code,
        result.sampled_at,
        result.value_num,
        result.unit,
        result.ref_low,
        result.ref_high,
        result._row_id,
        cycle.cycle_number,
        cycle.intent,
        cycle.started_on as cycle_started_on,
        -- before the first dose is the baseline
        result.sampled_at::date <= cycle.started_on and cycle.cycle_number = 1 as is_baseline,
        coalesce((
            select max(rule.grade)
            from {{ ref('ctcae_grade') }} as rule
            where rule.loinc_code = result.loinc_code
              and rule.term = limits.term
              and {{ ctcae_grade('result.value_num', 'rule', 'result.ref_low', 'result.ref_high') }}
        ), 0)::integer as grade
    from result
    inner join limits on limits.loinc_code = result.loinc_code
    -- a sample of the day of an infusion is drawn before it and belongs to the cycle before
    inner join {{ ref('int_breast_chemotherapy_cycle') }} as cycle
        on cycle.person_id = result.person_id
        and result.sampled_at::date <= least(cycle.next_started_on, cycle.started_on + {{ var('days_after_cycle', 35) }})
        and (
            result.sampled_at::date > cycle.started_on
            or (cycle.cycle_number = 1 and result.sampled_at::date > cycle.started_on - {{ var('days_of_baseline', 30) }})
        )
)

select * from int_breast_graded_result
