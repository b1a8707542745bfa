-- Asked once a build, so that an approval that ends while marts are built does not part a mart from its lineage.
with asked as (
    select research_project.project, disease, research_project.valid_until
    from {{ ref('research_project') }} as research_project
    cross join unnest(string_to_array(research_project.restricted, ' ')) as disease
),

int_restricted_release as (
    select
        asked.project,
        asked.disease,
        approved.project is not null as released,
        approved.valid_until as approved_until,
        {{ session_setting('run_id') }} as _run_id
    from asked
    left join {{ source('access', 'restricted_approval') }} as approved
        on approved.project = asked.project
        and approved.disease = asked.disease
        and current_date <= asked.valid_until
)

select * from int_restricted_release
