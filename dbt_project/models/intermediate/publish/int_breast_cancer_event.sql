-- The course as a list: what happened, on which day counted from the start of treatment.
with happened as (
    select
        diagnosis.person_id, 'diagnosis'::text as event_type, diagnosis.diagnosed_at::date as happened_on,
        diagnosis.code, diagnosis.name as label, diagnosis.code_system as value_text, null::numeric as value_num, null::text as unit,
        diagnosis._row_id
    from {{ ref('deid_diagnosis') }} as diagnosis
    where diagnosis.concept = 'breast_cancer'
    union all
    select
        visit.person_id, 'admission', visit.start_at::date, visit.visit_class, visit.department, visit.discharge_disposition_code,
        (visit.end_at::date - visit.start_at::date)::numeric, 'd', visit._row_id
    from {{ ref('deid_visit') }} as visit
    where visit.visit_class = 'inpatient'
    union all
    select
        study.person_id, 'imaging', study.studied_at::date, study.modality, study.body_part,
        {{ bi_rads('study.impression_text', 'study.findings_text') }}, null, null, study._row_id
    from {{ ref('deid_imaging_study') }} as study
    union all
    select
        finding.person_id, 'pathology', finding.reported_on, finding.icd_o_3, finding.histology, finding.specimen_kind,
        finding.tumour_size_mm, 'mm', finding._row_id
    from {{ ref('int_breast_pathology_finding') }} as finding
    union all
    select
        treatment.person_id, treatment.treatment_kind, treatment.treated_on, treatment.code, treatment.label,
        coalesce(treatment.ingredient, treatment.procedure_kind), null, null, treatment._row_id
    from {{ ref('int_breast_treatment') }} as treatment
    union all
    select
        lab_result.person_id, 'tumour_marker', lab_result.sampled_at::date, lab_result.loinc_code, lab_result.test_name,
        lab_result.abnormal_flag, lab_result.value_num, lab_result.unit, lab_result._row_id
    from {{ ref('deid_lab_result') }} as lab_result
    inner join {{ ref('breast_tumour_marker') }} as tumour_marker on tumour_marker.loinc_code = lab_result.loinc_code
    union all
    select
        diagnosis.person_id, 'metastasis', diagnosis.diagnosed_at::date, diagnosis.code, diagnosis.name, distant.site,
        null, null, diagnosis._row_id
    from {{ ref('deid_diagnosis') }} as diagnosis
    inner join {{ ref('distant_metastasis') }} as distant on distant.concept = diagnosis.concept
    union all
    select
        follow_up.person_id,
        case follow_up.status when 'recurrence' then 'recurrence' when 'metastasis' then 'metastasis' else 'follow_up' end,
        follow_up.contacted_on, follow_up.status, follow_up.recurrence_site, follow_up.method, null, null, follow_up._row_id
    from {{ ref('deid_follow_up') }} as follow_up
    union all
    select
        course.person_id, 'death', course.death_on, null, null, null, (course.death_on - course.index_on)::numeric, 'd',
        coalesce(death_contact._row_id, person._row_ids[1])
    from {{ ref('int_breast_cancer_course') }} as course
    inner join {{ ref('deid_person') }} as person on person.person_id = course.person_id
    left join lateral (
        select follow_up._row_id
        from {{ ref('deid_follow_up') }} as follow_up
        where follow_up.person_id = course.person_id and follow_up.death_date is not null
        order by follow_up.contacted_on
        limit 1
    ) as death_contact on true
    where course.death_on is not null
),

int_breast_cancer_event as (
    select
        happened.person_id,
        {{ research_id('specialty_breast_cancer', 'happened.person_id') }} as research_id,
        {{ project_key('specialty_breast_cancer', "(happened.event_type || happened._row_id::text || course.person_id::text)") }} as event_key,
        happened.event_type,
        happened.happened_on,
        happened.happened_on - course.index_on as event_day,
        happened.code,
        happened.label,
        happened.value_text,
        happened.value_num,
        happened.unit,
        array[happened._row_id] as _row_ids
    from happened
    inner join {{ ref('int_breast_cancer_course') }} as course on course.person_id = happened.person_id
    where happened.happened_on is not null
)

select
    int_breast_cancer_event.*,
    {{ lineage_id('specialty.breast_cancer_event', 'event_key') }} as lineage_id
from int_breast_cancer_event
