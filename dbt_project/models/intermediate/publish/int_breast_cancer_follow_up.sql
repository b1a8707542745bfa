with int_breast_cancer_follow_up as (
    select
        follow_up.person_id,
        {{ research_id('specialty_breast_cancer', 'follow_up.person_id') }} as research_id,
        {{ project_key('specialty_breast_cancer', 'follow_up.follow_up_key') }} as follow_up_key,
        follow_up.contacted_on,
        follow_up.contacted_on - course.index_on as contact_day,
        row_number() over (
            partition by follow_up.person_id order by follow_up.contacted_on, follow_up._row_id
        )::integer as contact_number,
        follow_up.method,
        follow_up.status,
        follow_up.recurrence_site,
        follow_up.death_date as death_on,
        follow_up.death_date - course.index_on as death_day,
        array[follow_up._row_id] as _row_ids
    from {{ ref('deid_follow_up') }} as follow_up
    inner join {{ ref('int_breast_cancer_course') }} as course on course.person_id = follow_up.person_id
)

select
    int_breast_cancer_follow_up.*,
    {{ lineage_id('specialty.breast_cancer_follow_up', 'follow_up_key') }} as lineage_id
from int_breast_cancer_follow_up
