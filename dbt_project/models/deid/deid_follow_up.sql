-- Text comes from deid.free_text, already scrubbed; base holds none.
select
    {{ pseudonymous_key('follow_up.follow_up_key', 'pseudonym.row_salt') }} as follow_up_key,
    pseudonym.person_id,
    {{ shift_date('follow_up.contacted_on') }} as contacted_on,
    follow_up.method,
    follow_up.status,
    follow_up.recurrence_site,
    {{ shift_date('follow_up.death_date') }} as death_date,
    {{ released_text('remark_text') }} as remark_text,
    {{ text_withheld(['remark_text']) }} as text_withheld,
    remark_text_row.scrubbed_at as _scrubbed_at,
    follow_up.source_system,
    follow_up._row_id,
    follow_up._batch_id,
    {{ policy_version() }} as _policy_version
from {{ ref('base_follow_up') }} as follow_up
inner join {{ source('vault', 'pseudonym') }} as pseudonym on pseudonym.person_key = follow_up.person_key
left join {{ source('deid', 'free_text') }} as remark_text_row
    on remark_text_row.row_id = follow_up._row_id and remark_text_row.field = 'remark_text'
where true {{ only_changed_persons('follow_up') }}
