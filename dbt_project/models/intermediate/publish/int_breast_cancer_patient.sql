with line as (
    select
        person_id,
        max(regimen) filter (where line_kind = 'chemotherapy' and intent = 'neoadjuvant') as neoadjuvant_regimen,
        max(regimen) filter (where line_kind = 'chemotherapy' and intent = 'adjuvant') as adjuvant_regimen,
        string_agg(regimen, '; ' order by line_number) filter (where line_kind in ('chemotherapy', 'targeted')) as regimens,
        sum(cycles) filter (where line_kind = 'chemotherapy')::integer as chemotherapy_cycles,
        count(*)::integer as treatment_lines,
        -- the first administration of a line stands for it here; breast_cancer_treatment_line leads to all of them
        array_agg(_row_ids[1] order by line_number) as _row_ids
    from {{ ref('int_breast_treatment_line') }}
    group by person_id
),

treatment as (
    select
        person_id,
        min(treated_on) filter (where treatment_kind = 'radiotherapy') as radiotherapy_on,
        min(treated_on) filter (where treatment_kind = 'endocrine') as endocrine_on,
        min(treated_on) filter (where treatment_kind = 'her2_targeted') as her2_targeted_on,
        bool_or(treatment_kind = 'chemotherapy') as chemotherapy,
        max(procedure_kind) filter (where procedure_kind = 'axillary_dissection') as axillary_dissection,
        max(procedure_kind) filter (where procedure_kind = 'sentinel_node_biopsy') as sentinel_node_biopsy,
        max(treated_on) as last_treated_on,
        (array_agg(_row_id order by treated_on) filter (where treatment_kind = 'radiotherapy'))[1] as radiotherapy_row_id
    from {{ ref('int_breast_treatment') }}
    group by person_id
),

last_contact as (
    select distinct on (person_id) person_id, contacted_on, status, recurrence_site, _row_id
    from {{ ref('deid_follow_up') }}
    where person_id in (select course.person_id from {{ ref('int_breast_cancer_course') }} as course)
    order by person_id, contacted_on desc, _row_id desc
),

relapse as (
    select distinct on (report.person_id) report.person_id, report.kind, report.site, report._row_id
    from {{ ref('int_breast_spread') }} as report
    inner join {{ ref('int_breast_cancer_course') }} as course
        on course.person_id = report.person_id and course.relapse_on = report.reported_on
    order by report.person_id, report._row_id
),

marker as (
    select
        receptor.*,
        -- a test of the gene settles what the stain left open
        case when receptor.her2_ihc_score = 3 then 'positive'
             else coalesce(receptor.fish_result, receptor.her2_ihc_status) end as her2_status
    from {{ ref('int_breast_receptor') }} as receptor
),

int_breast_cancer_patient as (
    select
        {{ research_id('specialty_breast_cancer', 'course.person_id') }} as research_id,
        course.person_id,
        person.sex,
        person.birth_year,
        person.age_group,
        date_part('year', course.first_diagnosed_on)::integer - person.birth_year as age_at_diagnosis_years,
        person.marital_status_code,
        person.ethnicity_group,
        person.region,
        course.first_diagnosed_on,
        cohort.code_system as diagnosis_code_system,
        cohort.code as diagnosis_code,
        cohort.name as diagnosis_name,
        coalesce(cohort.laterality, marker.laterality) as laterality,
        cohort.quadrant,
        course.t_category,
        course.n_category,
        course.m_category,
        course.stage_group,
        course.stage_basis,
        marker.histology,
        marker.icd_o_3,
        marker.histologic_grade,
        marker.tumour_size_mm,
        marker.nodes_positive,
        marker.nodes_examined,
        marker.er_status,
        marker.er_pct,
        marker.pr_status,
        marker.pr_pct,
        marker.her2_ihc_score,
        marker.fish_result,
        marker.her2_status,
        marker.ki67_pct,
        case when marker.person_id is not null then {{ molecular_subtype(
            'marker.er_status', 'marker.pr_status', 'marker.pr_pct', 'marker.her2_status', 'marker.ki67_pct') }} end as molecular_subtype,
        course.index_on,
        course.index_event,
        course.first_treatment_on,
        course.first_treatment,
        course.index_on - course.first_diagnosed_on as diagnosis_to_index_days,
        course.surgery_kind,
        course.surgery_name,
        course.surgery_on - course.index_on as surgery_day,
        case when treatment.axillary_dissection is not null then 'dissection'
             when treatment.sentinel_node_biopsy is not null then 'sentinel_node_biopsy' end as axillary_surgery,
        course.neoadjuvant,
        line.neoadjuvant_regimen,
        line.adjuvant_regimen,
        line.regimens,
        coalesce(treatment.chemotherapy, false) as chemotherapy,
        line.chemotherapy_cycles,
        treatment.radiotherapy_on is not null as radiotherapy,
        treatment.radiotherapy_on - course.index_on as radiotherapy_day,
        treatment.endocrine_on is not null as endocrine_therapy,
        treatment.endocrine_on - course.index_on as endocrine_day,
        treatment.her2_targeted_on is not null as her2_targeted_therapy,
        treatment.her2_targeted_on - course.index_on as her2_targeted_day,
        coalesce(marker.complete_response, false) as complete_response,
        course.relapse_on is not null as relapsed,
        relapse.kind as relapse_kind,
        relapse.site as recurrence_site,
        course.relapse_on - course.index_on as relapse_day,
        course.death_on is not null as died,
        course.death_on - course.index_on as death_day,
        coalesce(last_contact.status, 'none') as last_status,
        greatest(course.death_on, course.last_contact_on, treatment.last_treated_on, course.first_diagnosed_on)
            - course.index_on as follow_up_days,
        least(course.relapse_on, course.death_on,
              greatest(course.last_contact_on, treatment.last_treated_on, course.first_diagnosed_on))
            - course.index_on as disease_free_days,
        person._row_ids || cohort._row_ids || course._row_ids || marker._row_ids || line._row_ids
            || array[treatment.radiotherapy_row_id, relapse._row_id, last_contact._row_id] as _row_ids
    from {{ ref('int_breast_cancer_course') }} as course
    inner join {{ ref('int_breast_cancer_cohort') }} as cohort on cohort.person_id = course.person_id
    inner join {{ ref('deid_person') }} as person on person.person_id = course.person_id
    left join marker on marker.person_id = course.person_id
    left join line on line.person_id = course.person_id
    left join treatment on treatment.person_id = course.person_id
    left join relapse on relapse.person_id = course.person_id
    left join last_contact on last_contact.person_id = course.person_id
)

select
    int_breast_cancer_patient.*,
    {{ lineage_id('specialty.breast_cancer_patient', 'research_id') }} as lineage_id
from int_breast_cancer_patient
