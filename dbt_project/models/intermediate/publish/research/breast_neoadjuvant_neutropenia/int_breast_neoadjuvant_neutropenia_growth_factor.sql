-- Generated from include/projects/breast_neoadjuvant_neutropenia.yaml by python -m governance.projects; not edited by hand.
with int_breast_neoadjuvant_neutropenia_growth_factor as (
    select
        cohort.research_id,
        {{ project_key('breast_neoadjuvant_neutropenia', 'source_row.medication_key') }} as medication_key,
        cohort.index_on,
        source_row.ingredient,
        source_row.drug_class,
        source_row.dose,
        source_row.dose_unit,
        source_row.quantity,
        source_row.started_at,
        array[source_row._row_id] as _row_ids
    from {{ ref('deid_medication') }} as source_row
    inner join {{ ref('int_breast_neoadjuvant_neutropenia_cohort') }} as cohort
        on cohort.person_id = source_row.person_id
    where source_row.drug_class in ('g_csf')
)

select
    int_breast_neoadjuvant_neutropenia_growth_factor.*,
    {{ lineage_id('research.breast_neoadjuvant_neutropenia_growth_factor', 'medication_key') }} as lineage_id
from int_breast_neoadjuvant_neutropenia_growth_factor
