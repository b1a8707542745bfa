-- Deterministic linkage: patient numbers with an equal identity number belong to one person; numbers that one patient number
-- ties together (resident number and SSN) count as one. Only components that this run's rows touch are worked out again.
{% set record = ref('int_patient_record') %}
{% set above = watermark() %}

with recursive
{% if is_incremental() %}
touched as (
    select distinct fresh.patient_key
    from {{ record }} as fresh
    where fresh._batch_id > {{ above }}
    -- a number that other rows mention again says nothing new about who its patient is
    and (fresh.fed_by <> 'seen' or not exists (select 1 from {{ this }} as held where held.patient_key = fresh.patient_key))
),

affected as (
    select patient_key from touched
    union
    select near.patient_key
    from affected
    cross join lateral (
        select other.patient_key
        from {{ record }} as mine
        inner join {{ record }} as other on other.resident_id_link = mine.resident_id_link
        where mine.patient_key = affected.patient_key
        union all
        select other.patient_key
        from {{ record }} as mine
        inner join {{ record }} as other on other.ssn_link = mine.ssn_link
        where mine.patient_key = affected.patient_key
        union all
        select other.patient_key
        from {{ this }} as mine
        inner join {{ this }} as other on other.person_key = mine.person_key
        where mine.patient_key = affected.patient_key
    ) as near
),
{% else %}
affected as (
    select distinct patient_key from {{ record }}
),
{% endif %}

member as (
    select
        record.patient_key,
        min(record.source_system) as source_system,
        (array_agg(resident_id_link order by _row_id desc) filter (where resident_id_link is not null))[1] as resident_id_link,
        (array_agg(ssn_link order by _row_id desc) filter (where ssn_link is not null))[1] as ssn_link,
        min(record.first_row_id) as first_row_id,
        coalesce(max(record._row_id) filter (where record.fed_by <> 'seen'), min(record.first_row_id)) as _row_id,
        coalesce(max(record._batch_id) filter (where record.fed_by <> 'seen'), min(record._batch_id)) as _batch_id
    from {{ record }} as record
    inner join affected on affected.patient_key = record.patient_key
    group by record.patient_key
),

tie as (
    select resident_id_link as number, ssn_link as tied_number
    from member
    where resident_id_link is not null and ssn_link is not null
    union
    select ssn_link, resident_id_link
    from member
    where resident_id_link is not null and ssn_link is not null
),

reach as (
    select number, number as reached_number from tie
    union
    select reach.number, tie.tied_number
    from reach
    inner join tie on tie.number = reach.reached_number
),

number_group as (
    select number, min(reached_number::text)::uuid as group_key
    from reach
    group by number
),

grouped as (
    select
        member.*,
        coalesce(number_group.group_key, member.resident_id_link, member.ssn_link, member.patient_key) as group_key
    from member
    left join number_group on number_group.number = coalesce(member.resident_id_link, member.ssn_link)
),

named as (
    select
        grouped.*,
        first_value(patient_key) over (partition by group_key order by first_row_id, patient_key) as person_key
    from grouped
),

base_person_link as (
    select
        named.patient_key,
        named.person_key,
        named.source_system,
        case
            when named.patient_key = named.person_key then 'self'
            when named.resident_id_link is not null then 'resident_id'
            else 'ssn'
        end as linked_by,
        {% if is_incremental() %}
        case
            when held.person_key <> named.person_key then held.former_person_keys || held.person_key
            else coalesce(held.former_person_keys, array[]::uuid[])
        end as former_person_keys,
        case
            when held.person_key <> named.person_key then (select max(newest._batch_id) from {{ record }} as newest)
            else held.changed_batch_id
        end as changed_batch_id,
        {% else %}
        array[]::uuid[] as former_person_keys,
        null::integer as changed_batch_id,
        {% endif %}
        named.first_row_id,
        named._row_id,
        named._batch_id
    from named
    {% if is_incremental() %}
    left join {{ this }} as held on held.patient_key = named.patient_key
    {% endif %}
)

select * from base_person_link
