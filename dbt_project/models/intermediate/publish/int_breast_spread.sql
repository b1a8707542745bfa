-- One row per report that the disease came back or has spread: a follow-up contact, or a diagnosis of distant metastasis.
with int_breast_spread as (
    select
        follow_up.person_id,
        follow_up.contacted_on as reported_on,
        follow_up.status as kind,
        follow_up.recurrence_site as site,
        follow_up._row_id
    from {{ ref('deid_follow_up') }} as follow_up
    inner join {{ ref('int_breast_cancer_cohort') }} as cohort on cohort.person_id = follow_up.person_id
    where follow_up.status in ('recurrence', 'metastasis')
    union all
    select
        diagnosis.person_id,
        diagnosis.diagnosed_at::date,
        'metastasis',
        distant.site,
        diagnosis._row_id
    from {{ ref('deid_diagnosis') }} as diagnosis
    inner join {{ ref('distant_metastasis') }} as distant on distant.concept = diagnosis.concept
    inner join {{ ref('int_breast_cancer_cohort') }} as cohort
        on cohort.person_id = diagnosis.person_id
        and diagnosis.diagnosed_at::date >= cohort.first_diagnosed_on - {{ var('days_before_diagnosis', 90) }}
)

select * from int_breast_spread
