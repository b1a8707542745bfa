{#- Pre-hook of the incremental models of schema deid; the unit of change is the person.

    A person's rows are replaced as a whole when the set of source rows in base differs from the set in deid (new, changed,
    withdrawn or re-linked rows all show in it), when a text of theirs was scrubbed again, or when the policy version of the
    run is another one. Rows that are held back (level 5) are not expected in deid. Nothing depends on the order in which batches
    arrive, and a person that left base leaves deid too.
    Runs inside the model's transaction: killed at any point, the table is as it was before. -#}
{% macro replace_changed_persons(base_model, texts_of=none, held_back=none) %}
  {%- if is_incremental() -%}
    drop table if exists {{ changed_persons(this) }};
    create temporary table {{ changed_persons(this) }} on commit drop as
    with expected as (
        select base_row.person_key, count(*) as rows_held, bit_xor(hashint8extended(base_row._row_id, 0)) as fingerprint
        from {{ ref(base_model) }} as base_row
        {%- if held_back %}
        where not exists (select 1 from {{ ref(held_back) }} as held where held._row_id = base_row._row_id)
        {%- endif %}
        group by base_row.person_key
    ),
    expected_person as (
        select pseudonym.person_id, expected.*
        from expected
        inner join {{ source('vault', 'pseudonym') }} as pseudonym on pseudonym.person_key = expected.person_key
    ),
    present as (
        select person_id, count(*) as rows_held, bit_xor(hashint8extended(_row_id, 0)) as fingerprint
        from {{ this }}
        group by person_id
    )
    select coalesce(expected_person.person_id, present.person_id) as person_id, expected_person.person_key
    from expected_person
    full join present on present.person_id = expected_person.person_id
    where (expected_person.rows_held, expected_person.fingerprint) is distinct from (present.rows_held, present.fingerprint)
       or (select _policy_version from {{ this }} limit 1) is distinct from {{ session_setting('policy_version') }}
    {%- if texts_of %}
    union
    select pseudonym.person_id, pseudonym.person_key
    from {{ source('deid', 'free_text') }} as free_text
    inner join {{ source('vault', 'pseudonym') }} as pseudonym on pseudonym.person_key = free_text.person_key
    where free_text.field in ('{{ texts_of | join("', '") }}')
      and free_text.scrubbed_at > (select coalesce(max(_scrubbed_at), '-infinity') from {{ this }})
    {%- endif %};
    analyze {{ changed_persons(this) }};
    delete from {{ this }} where person_id in (select person_id from {{ changed_persons(this) }});
  {%- else -%}
    select 1
  {%- endif -%}
{% endmacro %}

{% macro changed_persons(relation) -%}
changed_{{ relation.identifier }}
{%- endmacro %}

{% macro only_changed_persons(alias, key='person_key') -%}
  {%- if is_incremental() -%}
    and {{ alias }}.{{ key }} in (select {{ key }} from {{ changed_persons(this) }})
  {%- endif -%}
{%- endmacro %}
