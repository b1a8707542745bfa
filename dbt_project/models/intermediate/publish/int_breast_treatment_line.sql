-- One row per line of drug treatment; regimen = the sets of drugs in the order in which they were first given.
with drug_set as (
    select
        segment.person_id, segment.line_kind, segment.intent, segment.line_ingredients, segment.line_of_kind, segment.ingredients,
        coalesce(regimen.regimen, min(segment.symbols)) as regimen,
        count(*) as cycles,
        min(segment.started_on) as started_on
    from {{ ref('int_breast_treatment_segment') }} as segment
    left join {{ ref('regimen') }} as regimen on regimen.ingredients = segment.ingredients
    group by
        segment.person_id, segment.line_kind, segment.intent, segment.line_ingredients, segment.line_of_kind,
        segment.ingredients, regimen.regimen
),

kept as (
    -- a single cycle with one drug left out is a dose omission, not another part of the regimen
    select drug_set.*
    from drug_set
    where not exists (
        select 1
        from drug_set as larger
        where (larger.person_id, larger.line_kind, larger.intent, larger.line_ingredients, larger.line_of_kind)
            = (drug_set.person_id, drug_set.line_kind, drug_set.intent, drug_set.line_ingredients, drug_set.line_of_kind)
          and larger.cycles > drug_set.cycles
          and drug_set.cycles = 1
          and string_to_array(larger.ingredients, '+') @> string_to_array(drug_set.ingredients, '+')
    )
),

named as (
    select
        person_id, line_kind, intent, line_ingredients, line_of_kind,
        string_agg(regimen, '-' order by started_on) as regimen,
        string_agg(ingredients, ' → ' order by started_on) as ingredients
    from kept
    group by person_id, line_kind, intent, line_ingredients, line_of_kind
),

line as (
    select
        segment.person_id, segment.line_kind, segment.intent, segment.line_ingredients, segment.line_of_kind,
        min(segment.started_on) as started_on,
        max(segment.last_given_on) as ended_on,
        count(*)::integer as cycles,
        {{ flattened('segment._row_ids') }} as _row_ids
    from {{ ref('int_breast_treatment_segment') }} as segment
    group by segment.person_id, segment.line_kind, segment.intent, segment.line_ingredients, segment.line_of_kind
),

int_breast_treatment_line as (
    select
        line.person_id,
        row_number() over (
            partition by line.person_id order by line.started_on, line.line_kind, line.line_ingredients
        )::integer as line_number,
        line.line_kind,
        line.intent,
        named.regimen,
        named.ingredients,
        line.started_on,
        line.ended_on,
        line.cycles,
        line._row_ids
    from line
    inner join named
        on named.person_id = line.person_id
        and named.line_kind = line.line_kind
        and named.intent = line.intent
        and named.line_ingredients = line.line_ingredients
        and named.line_of_kind = line.line_of_kind
)

select * from int_breast_treatment_line
