with int_breast_cancer_treatment_line as (
    select
        line.person_id,
        {{ research_id('specialty_breast_cancer', 'line.person_id') }} as research_id,
        {{ project_key('specialty_breast_cancer', "(line.person_id::text || line.line_number::text)") }} as line_key,
        line.line_number,
        line.line_kind,
        line.intent,
        line.regimen,
        line.ingredients,
        line.started_on,
        line.ended_on,
        line.started_on - course.index_on as start_day,
        line.ended_on - course.index_on as end_day,
        line.ended_on - line.started_on as duration_days,
        line.cycles,
        line._row_ids
    from {{ ref('int_breast_treatment_line') }} as line
    inner join {{ ref('int_breast_cancer_course') }} as course on course.person_id = line.person_id
)

select
    int_breast_cancer_treatment_line.*,
    {{ lineage_id('specialty.breast_cancer_treatment_line', 'line_key') }} as lineage_id
from int_breast_cancer_treatment_line
