-- Generated from include/projects/breast_neoadjuvant_neutropenia.yaml by python -m governance.projects; not edited by hand.
with int_breast_neoadjuvant_neutropenia_adverse_event as (
    select
        cohort.research_id,
        {{ project_key('breast_neoadjuvant_neutropenia', 'source_row.adverse_event_key') }} as adverse_event_key,
        source_row.term,
        source_row.grade,
        source_row.baseline_grade,
        source_row.onset_day,
        source_row.worst_day,
        source_row.cycle_number,
        source_row.days_into_cycle,
        source_row.intent,
        source_row.worst_value,
        source_row.unit,
        source_row.results,
        source_lineage.row_ids as _row_ids
    from {{ ref('breast_cancer_adverse_event') }} as source_row
    inner join {{ ref('int_breast_neoadjuvant_neutropenia_cohort') }} as cohort
        on {{ research_id('specialty_breast_cancer', 'cohort.person_id') }} = source_row.research_id
    inner join {{ ref('lineage_specialty__breast_cancer_adverse_event') }} as source_lineage
        on source_lineage.lineage_id = source_row.lineage_id
)

select
    int_breast_neoadjuvant_neutropenia_adverse_event.*,
    {{ lineage_id('research.breast_neoadjuvant_neutropenia_adverse_event', 'adverse_event_key') }} as lineage_id
from int_breast_neoadjuvant_neutropenia_adverse_event
