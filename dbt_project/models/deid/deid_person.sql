-- The age that a birth year gives away grows by the day, so the table is built anew each time (one row per person).
with regional as (
    select region, count(*) as persons
    from {{ ref('base_person') }}
    group by region
),

aged as (
    -- completed years at death, or today for the living
    select
        person.person_key,
        date_part('year', age(coalesce(person.death_date, current_date), person.birth_date))::integer as age_years
    from {{ ref('base_person') }} as person
),

deid_person as (
    select
        pseudonym.person_id,
        person.sex,
        case when aged.age_years < 90
             then date_part('year', {{ shift_date('person.birth_date') }})::integer end as birth_year,
        {{ age_group('aged.age_years') }} as age_group,
        {{ shift_date('person.death_date') }} as death_date,
        person.marital_status_code,
        -- 55 of the 56 ethnic groups of GB/T 3304 are rare enough to single a patient out in most cities
        case when person.ethnicity_code = '01' then 'han'
             when person.ethnicity_code is not null then 'other' end as ethnicity_group,
        person.race,
        -- a city with few patients in it singles them out
        case when regional.persons >= {{ var('region_minimum_persons', 20) }} then person.region end as region,
        person.source_system,
        person._row_ids,
        person._batch_id,
        {{ policy_version() }} as _policy_version
    from {{ ref('base_person') }} as person
    inner join {{ source('vault', 'pseudonym') }} as pseudonym on pseudonym.person_key = person.person_key
    inner join aged on aged.person_key = person.person_key
    left join regional on regional.region = person.region
)

select * from deid_person
