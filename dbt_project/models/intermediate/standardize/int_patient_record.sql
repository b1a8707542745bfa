-- What each staging model says of each patient number. A row with an identity number beats one without, then the newest row wins:
-- a later report that leaves the number out must not tear a person apart, and a corrected number must replace the wrong one.
{% set said = [
    'patient_key', 'fed_by', 'sex_code', 'birth_date', 'death_date', 'marital_status_code', 'ethnicity_code', 'race', 'region',
    'resident_id_index', 'ssn_index', 'source_system', '_row_id', '_batch_id',
] %}
{% set above = watermark() %}

with newest as (
    {{ fed_rows('patient', said, above) }}
),

described as (
    select
        newest.patient_key,
        newest.fed_by,
        newest.source_system,
        sex.value as sex,
        newest.birth_date,
        newest.death_date,
        marital_status.value as marital_status_code,
        newest.ethnicity_code,
        newest.race,
        newest.region,
        newest.resident_id_index as resident_id_link,
        -- SSNs are reused and invented more easily than resident numbers, so the birth date must agree too
        md5(newest.ssn_index::text || newest.birth_date::text)::uuid as ssn_link,
        newest._row_id as first_row_id,
        newest._row_id,
        newest._batch_id
    from newest
    {{ code_lookup('sex', 'person.sex', 'sex_code') }}
    {{ code_lookup('marital_status', 'person.marital_status_code', 'marital_status_code') }}
),

-- every patient number that any other row mentions, so that no row of base is without a person
mentioned as (
    {% for entity in var('feeds') if entity != 'patient' %}
    {{ fed_rows(entity, standard_columns(), above) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

seen as (
    select
        patient_key,
        'seen'::text as fed_by,
        min(source_system) as source_system,
        null::text as sex,
        null::date as birth_date,
        null::date as death_date,
        null::text as marital_status_code,
        null::text as ethnicity_code,
        null::text as race,
        null::text as region,
        null::uuid as resident_id_link,
        null::uuid as ssn_link,
        min(_row_id) as first_row_id,
        max(_row_id) as _row_id,
        max(_batch_id) as _batch_id
    from mentioned
    group by patient_key
),

candidate as (
    select * from described
    union all
    select * from seen
    {% if is_incremental() %}
    union all
    select held.*
    from (
        select patient_key, fed_by from described
        union
        select patient_key, fed_by from seen
    ) as again
    inner join {{ this }} as held on held.patient_key = again.patient_key and held.fed_by = again.fed_by
    {% endif %}
),

ranked as (
    select
        candidate.*,
        min(first_row_id) over (partition by patient_key, fed_by) as earliest_row_id,
        row_number() over (
            partition by patient_key, fed_by
            order by (resident_id_link is null and ssn_link is null), _row_id desc
        ) as choice
    from candidate
),

int_patient_record as (
    select
        patient_key,
        fed_by,
        source_system,
        sex,
        birth_date,
        death_date,
        marital_status_code,
        ethnicity_code,
        race,
        region,
        resident_id_link,
        ssn_link,
        earliest_row_id as first_row_id,
        _row_id,
        _batch_id
    from ranked
    where choice = 1
)

select * from int_patient_record
