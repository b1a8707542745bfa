-- Generated from include/projects/hypertension_follow_up.yaml by python -m governance.projects; not edited by hand.
with int_hypertension_follow_up_medication as (
    select
        cohort.research_id,
        {{ project_key('hypertension_follow_up', 'source_row.medication_key') }} as medication_key,
        {{ project_key('hypertension_follow_up', 'source_row.visit_key') }} as visit_key,
        cohort.index_on,
        source_row.drug_name,
        source_row.ingredient,
        source_row.drug_class,
        source_row.dose,
        source_row.dose_unit,
        source_row.quantity,
        source_row.started_at,
        source_row.stopped_at,
        array[source_row._row_id] as _row_ids
    from {{ ref('deid_medication') }} as source_row
    inner join {{ ref('int_hypertension_follow_up_cohort') }} as cohort
        on cohort.person_id = source_row.person_id
    where source_row.drug_class in ('antihypertensive', 'diuretic', 'lipid_lowering', 'antiplatelet', 'antidiabetic')
)

select
    int_hypertension_follow_up_medication.*,
    {{ lineage_id('research.hypertension_follow_up_medication', 'medication_key') }} as lineage_id
from int_hypertension_follow_up_medication
