-- One row per episode: results of grade 1 or more of one term in a row, not more than 28 days apart.
with baseline as (
    select distinct on (person_id, term) person_id, term, grade
    from {{ ref('int_breast_graded_result') }}
    where is_baseline
    order by person_id, term, sampled_at desc, _row_id desc
),

treated as (
    select
        graded.*,
        lag(graded.grade) over in_time as previous_grade,
        lag(graded.sampled_at) over in_time as previous_at
    from {{ ref('int_breast_graded_result') }} as graded
    where not graded.is_baseline
    window in_time as (partition by graded.person_id, graded.term order by graded.sampled_at, graded._row_id)
),

numbered as (
    select
        treated.*,
        sum(case
            when treated.grade >= 1
                 and coalesce(treated.previous_grade, 0) >= 1
                 and treated.sampled_at - treated.previous_at <= interval '{{ var("days_within_episode", 28) }} days' then 0
            else 1
        end) over (partition by treated.person_id, treated.term order by treated.sampled_at, treated._row_id) as episode
    from treated
),

episode as (
    select
        person_id,
        term,
        episode,
        min(term_zh) as term_zh,
        min(loinc_code) as loinc_code,
        max(grade)::integer as grade,
        min(sampled_at)::date as onset_on,
        max(sampled_at)::date as last_abnormal_on,
        count(*)::integer as results,
        (array_agg(sampled_at::date order by grade desc, sampled_at, _row_id))[1] as worst_on,
        (array_agg(value_num order by grade desc, sampled_at, _row_id))[1] as worst_value,
        (array_agg(unit order by grade desc, sampled_at, _row_id))[1] as unit,
        (array_agg(ref_low order by grade desc, sampled_at, _row_id))[1] as ref_low,
        (array_agg(ref_high order by grade desc, sampled_at, _row_id))[1] as ref_high,
        (array_agg(cycle_number order by grade desc, sampled_at, _row_id))[1] as cycle_number,
        (array_agg(intent order by grade desc, sampled_at, _row_id))[1] as intent,
        (array_agg(cycle_started_on order by grade desc, sampled_at, _row_id))[1] as cycle_started_on,
        array_agg(_row_id) as _row_ids
    from numbered
    where grade >= 1
    group by person_id, term, episode
),

int_breast_cancer_adverse_event as (
    select
        episode.person_id,
        {{ research_id('specialty_breast_cancer', 'episode.person_id') }} as research_id,
        {{ project_key('specialty_breast_cancer', "(episode.person_id::text || episode.term || episode.episode::text)") }} as adverse_event_key,
        episode.term,
        episode.term_zh,
        episode.loinc_code,
        episode.grade,
        baseline.grade as baseline_grade,
        episode.onset_on - course.index_on as onset_day,
        episode.worst_on - course.index_on as worst_day,
        episode.last_abnormal_on - course.index_on as last_abnormal_day,
        episode.cycle_number,
        episode.worst_on - episode.cycle_started_on as days_into_cycle,
        episode.intent,
        episode.worst_value,
        episode.unit,
        episode.ref_low,
        episode.ref_high,
        episode.results,
        episode._row_ids
    from episode
    inner join {{ ref('int_breast_cancer_course') }} as course on course.person_id = episode.person_id
    left join baseline on baseline.person_id = episode.person_id and baseline.term = episode.term
)

select
    int_breast_cancer_adverse_event.*,
    {{ lineage_id('specialty.breast_cancer_adverse_event', 'adverse_event_key') }} as lineage_id
from int_breast_cancer_adverse_event
