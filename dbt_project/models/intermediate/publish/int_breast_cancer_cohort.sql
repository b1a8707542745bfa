-- depends_on: {{ ref("research_project") }}  the test of the salts runs before
-- One row per person with a diagnosis of breast cancer, in whichever code system (concept breast_cancer).
with diagnosis as (
    select
        diagnosis.person_id,
        diagnosis.diagnosed_at::date as diagnosed_on,
        diagnosis.code_system,
        diagnosis.code,
        diagnosis.name,
        quadrant.quadrant,
        {{ laterality('diagnosis.name') }} as laterality,
        diagnosis._row_id
    from {{ ref('deid_diagnosis') }} as diagnosis
    left join {{ ref('breast_quadrant') }} as quadrant
        on quadrant.code_system = diagnosis.code_system and starts_with(diagnosis.code, quadrant.code_prefix)
    where diagnosis.concept = 'breast_cancer'
),

first_diagnosis as (
    select distinct on (person_id) *
    from diagnosis
    order by person_id, diagnosed_on, _row_id
),

site as (
    -- where the tumour sits, from the first diagnosis that says so
    select
        person_id,
        (array_agg(quadrant order by diagnosed_on, _row_id) filter (where quadrant is not null))[1] as quadrant,
        (array_agg(_row_id order by diagnosed_on, _row_id) filter (where quadrant is not null))[1] as quadrant_row_id,
        case when bool_or(laterality = 'bilateral') or count(distinct laterality) > 1 then 'bilateral' else max(laterality) end
            as laterality
    from diagnosis
    group by person_id
),

int_breast_cancer_cohort as (
    select
        first_diagnosis.person_id,
        first_diagnosis.diagnosed_on as first_diagnosed_on,
        first_diagnosis.code_system,
        first_diagnosis.code,
        first_diagnosis.name,
        site.quadrant,
        site.laterality,
        array_remove(array[first_diagnosis._row_id, site.quadrant_row_id], null) as _row_ids
    from first_diagnosis
    inner join site on site.person_id = first_diagnosis.person_id
)

select * from int_breast_cancer_cohort
