with newest as (
    {{ newest_versions('medication', 'medication_key', [
        'visit_key', 'order_key', 'code_system', 'drug_code', 'drug_name', 'strength', 'dose', 'dose_unit',
        'quantity', 'route', 'started_at', 'stopped_at',
    ]) }}
),

-- a pharmacy has few names beside its dispensings, so each name is looked at once; the longest match is the most specific drug
drug as (
    select distinct drug_name from newest
),

recognised as (
    select distinct on (drug.drug_name) drug.drug_name, ingredient.ingredient, ingredient.drug_class
    from drug
    inner join {{ ref('drug_ingredient') }} as ingredient on strpos(lower(drug.drug_name), ingredient.name_part) > 0
    order by drug.drug_name, length(ingredient.name_part) desc, ingredient.name_part
),

base_medication as (
    select
        newest.medication_key,
        link.person_key,
        newest.patient_key,
        newest.visit_key,
        newest.order_key,
        newest.code_system,
        newest.drug_code,
        newest.drug_name,
        recognised.ingredient,
        recognised.drug_class,
        newest.strength,
        newest.dose,
        newest.dose_unit,
        newest.quantity,
        newest.route,
        newest.started_at,
        newest.stopped_at,
        newest.source_system,
        newest._row_id,
        newest._batch_id
    from newest
    left join {{ ref('base_person_link') }} as link on link.patient_key = newest.patient_key
    left join recognised on recognised.drug_name = newest.drug_name
)

select * from base_medication
