-- One row per clinical note of the cohort that states a TNM category or a stage group.
with note as materialized (  -- only the cohort's notes are searched
    select
        clinical_note.person_id,
        clinical_note.authored_at::date as stated_on,
        clinical_note.note_type,
        clinical_note._row_id,
        {{ normalized_report('clinical_note.text') }} as body
    from {{ ref('deid_clinical_note') }} as clinical_note
    where clinical_note.person_id in (select cohort.person_id from {{ ref('int_breast_cancer_cohort') }} as cohort)
),

staged as (
    select
        note.person_id,
        note.stated_on,
        note.note_type,
        note._row_id,
        {{ tnm_prefix('note.body') }} as tnm_prefix,
        {{ tnm_category('note.body', 'T') }} as t_category,
        {{ tnm_category('note.body', 'N') }} as n_category,
        {{ tnm_category('note.body', 'M') }} as m_category,
        {{ stated_stage('note.body') }} as stage_group_stated
    from note
),

int_breast_note_stage as (
    select * from staged
    where t_category is not null or stage_group_stated is not null
)

select * from int_breast_note_stage
