-- A person without a pseudonym would be missing from deid in silence: the stage that writes pseudonyms has not finished.
{{ config(tags=['deidentify']) }}  -- runs with the layer whose models it guards
select person.person_key
from {{ ref('base_person') }} as person
left join {{ source('vault', 'pseudonym') }} as pseudonym on pseudonym.person_key = person.person_key
where pseudonym.person_id is null
