-- Of each value the newest known one wins, whichever system it comes from; a stated sex beats an unknown one.
{% set above = watermark() %}

with affected as (
    {% if is_incremental() %}
    select person_key
    from {{ ref('base_person_link') }}
    where _batch_id > {{ above }}
    union
    select unnest(former_person_keys || person_key)
    from {{ ref('base_person_link') }}
    where changed_batch_id >= {{ above }}
    {% else %}
    select distinct person_key from {{ ref('base_person_link') }}
    {% endif %}
),

record as (
    select link.person_key, link._batch_id as link_batch_id, said.*
    from affected
    inner join {{ ref('base_person_link') }} as link on link.person_key = affected.person_key
    inner join {{ ref('int_patient_record') }} as said on said.patient_key = link.patient_key
),

base_person as (
    select
        person_key,
        coalesce((array_agg(sex order by (sex = 'U'), _row_id desc) filter (where sex is not null))[1], 'U') as sex,
        (array_agg(birth_date order by _row_id desc) filter (where birth_date is not null))[1] as birth_date,
        (array_agg(death_date order by _row_id desc) filter (where death_date is not null))[1] as death_date,
        (array_agg(marital_status_code order by _row_id desc) filter (where marital_status_code is not null))[1] as marital_status_code,
        (array_agg(ethnicity_code order by _row_id desc) filter (where ethnicity_code is not null))[1] as ethnicity_code,
        (array_agg(race order by _row_id desc) filter (where race is not null))[1] as race,
        (array_agg(region order by _row_id desc) filter (where region is not null))[1] as region,
        (array_agg(source_system order by first_row_id))[1] as source_system,
        coalesce(
            array_agg(_row_id order by _row_id) filter (where fed_by <> 'seen'),
            array_agg(_row_id order by _row_id)
        ) as _row_ids,
        max(link_batch_id) as _batch_id
    from record
    group by person_key
)

select * from base_person
