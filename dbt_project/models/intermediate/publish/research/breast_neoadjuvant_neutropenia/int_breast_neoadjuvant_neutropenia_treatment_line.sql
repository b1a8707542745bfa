-- Generated from include/projects/breast_neoadjuvant_neutropenia.yaml by python -m governance.projects; not edited by hand.
with int_breast_neoadjuvant_neutropenia_treatment_line as (
    select
        cohort.research_id,
        {{ project_key('breast_neoadjuvant_neutropenia', 'source_row.line_key') }} as line_key,
        source_row.line_number,
        source_row.line_kind,
        source_row.intent,
        source_row.regimen,
        source_row.start_day,
        source_row.end_day,
        source_row.cycles,
        source_lineage.row_ids as _row_ids
    from {{ ref('breast_cancer_treatment_line') }} as source_row
    inner join {{ ref('int_breast_neoadjuvant_neutropenia_cohort') }} as cohort
        on {{ research_id('specialty_breast_cancer', 'cohort.person_id') }} = source_row.research_id
    inner join {{ ref('lineage_specialty__breast_cancer_treatment_line') }} as source_lineage
        on source_lineage.lineage_id = source_row.lineage_id
    where source_row.line_kind in ('chemotherapy', 'targeted')
)

select
    int_breast_neoadjuvant_neutropenia_treatment_line.*,
    {{ lineage_id('research.breast_neoadjuvant_neutropenia_treatment_line', 'line_key') }} as lineage_id
from int_breast_neoadjuvant_neutropenia_treatment_line
