-- Every project and specialty mart has its salt; without one there would be no research ids.
{{ config(tags=['publish']) }}  -- runs with the layer whose models it guards
select research_project.project
from {{ ref('research_project') }} as research_project
left join {{ source('vault', 'project_salt') }} as project_salt on project_salt.project = research_project.project
where project_salt.salt is null
