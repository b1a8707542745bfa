-- Access by purpose (docs/decisions/0015): who may open work on which project, what is open now, and what a mart shows then.
-- All of it belongs to access_keeper, which nobody logs in as; people reach it through the functions only.
create schema if not exists access authorization access_keeper;
set local role access_keeper;

-- One row per login that a person has, or had.
create table if not exists access.person (
    login      text primary key,
    group_name text not null check (group_name in ('engineer', 'researcher', 'ethics', 'auditor')),
    added_at   timestamptz not null default now(),
    removed_at timestamptz
);

-- One row per mart that the contracts declare: its project, and for each group the columns that it is granted.
create table if not exists access.mart (
    schema_name text not null check (schema_name in ('specialty', 'research')),
    table_name  text not null,
    project     text not null,
    readers     jsonb not null,               -- group -> [column, …]
    primary key (schema_name, table_name)
);
-- Diseases of level 5 (seed restricted_diagnosis) whose rows the mart may hold, by its column restricted_diseases.
alter table access.mart add column if not exists restricted text[] not null default '{}';

-- One row per approval: a person may open work on a project for these purposes, from … until.
create table if not exists access.approval (
    approval_id bigint generated always as identity primary key,
    person      text not null,
    project     text not null,
    purposes    text[] not null check (cardinality(purposes) > 0),
    valid_from  timestamptz not null,
    valid_until timestamptz not null,
    approver    text not null,
    approved_at timestamptz not null default clock_timestamp(),
    revoked_at  timestamptz,
    revoked_by  text,
    check (valid_from < valid_until),
    check (person <> approver)
);
-- Diseases of level 5 whose rows the approval releases to the project, and to this person.
alter table access.approval add column if not exists restricted text[] not null default '{}';
create index if not exists approval_person on access.approval (person, project);

-- What dbt asks when it builds: the diseases of level 5 that an approval in force releases to a project.
create or replace view access.restricted_approval as
select a.project, disease, max(a.valid_until) as valid_until
from access.approval as a cross join unnest(a.restricted) as disease
where a.revoked_at is null and clock_timestamp() >= a.valid_from and clock_timestamp() < a.valid_until
    and exists (select from access.person as p where p.login = a.person and p.removed_at is null)
group by a.project, disease;

-- One row per piece of work: which session reads for which project and purpose, from when to when.
create table if not exists access.work (
    work_id       bigint generated always as identity primary key,
    pid           integer not null,
    backend_start timestamptz not null,       -- with pid: this session and no other, ever
    session_id    text not null,              -- the same, as the server's log names it (%c)
    member        text not null,
    project       text not null,
    purpose       text not null,
    approval_id   bigint not null references access.approval,
    xid           xid8 not null,              -- top-level transaction that opened it
    opened_at     timestamptz not null default clock_timestamp(),
    ended_at      timestamptz
);
create index if not exists work_open on access.work (pid, backend_start) where ended_at is null;
create index if not exists work_session on access.work (session_id);

-- One row per thing that happened to the tables above; taken into the audit log from here (governance.access.journal).
create table if not exists access.event (
    event_id bigint generated always as identity primary key,
    at       timestamptz not null default clock_timestamp(),
    kind     text not null,                   -- approval or work
    act      text not null,                   -- approve, revoke, begin, end, or the command that no function gives
    actor    text not null,
    detail   jsonb not null
);

create or replace function access.note() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    held jsonb := to_jsonb(case when tg_op = 'DELETE' then old else new end);
begin
    insert into access.event (kind, act, actor, detail) values (
        tg_table_name,
        case
            when tg_op = 'INSERT' and tg_table_name = 'approval' then 'approve'
            when tg_op = 'INSERT' then 'begin'
            when tg_op = 'UPDATE' and held ->> 'revoked_at' is not null then 'revoke'
            when tg_op = 'UPDATE' and held ->> 'ended_at' is not null then 'end'
            else lower(tg_op)
        end,
        session_user, held - 'pid' - 'backend_start' - 'xid');
    return null;
end $$;
create or replace trigger journal after insert or update or delete on access.approval
    for each row execute function access.note();
create or replace trigger journal after insert or update or delete on access.work
    for each row execute function access.note();

create or replace function access.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% on %.% is refused', tg_op, tg_table_schema, tg_table_name
        using errcode = 'insufficient_privilege';
end $$;
create or replace trigger append_only before update or delete or truncate on access.event
    for each statement execute function access.refuse_change();
create or replace trigger stays before delete or truncate on access.approval
    for each statement execute function access.refuse_change();
create or replace trigger stays before delete or truncate on access.work
    for each statement execute function access.refuse_change();

-- A purpose says something: 12 bytes at least, which are four Chinese characters or twelve letters, and not all the same.
create or replace function access.says_something(purpose text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp as $$
    select octet_length(btrim(purpose)) >= 12
        and (select count(distinct letter) > 2 from regexp_split_to_table(btrim(purpose), '') as letter)
$$;

create or replace function access.begin_work(project text, purpose text) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    granted access.approval;
    started timestamptz;
begin
    select s.backend_start into started from pg_stat_get_activity(pg_backend_pid()) as s;
    if not coalesce(access.says_something(begin_work.purpose), false) then
        raise exception '用途须写明 a purpose of 12 letters (4 Chinese characters) or more is needed'
            using errcode = 'invalid_parameter_value';
    end if;
    select a.* into granted from access.approval as a
    where a.person = session_user and a.project = begin_work.project and begin_work.purpose = any (a.purposes)
        and a.revoked_at is null and clock_timestamp() >= a.valid_from and clock_timestamp() < a.valid_until
    order by a.valid_until desc limit 1;
    if not found then
        raise exception '未获批准 no approval in force for % on this project with this purpose', session_user
            using errcode = 'insufficient_privilege',
                hint = 'select * from access.my_approvals() lists yours; new ones come from the ethics committee';
    end if;
    update access.work as w set ended_at = clock_timestamp()
    where w.pid = pg_backend_pid() and w.backend_start = started and w.ended_at is null;
    insert into access.work (pid, backend_start, session_id, member, project, purpose, approval_id, xid) values (
        pg_backend_pid(), started,
        to_hex(trunc(extract(epoch from started))::bigint) || '.' || to_hex(pg_backend_pid()),
        session_user, granted.project, begin_work.purpose, granted.approval_id, pg_current_xact_id());
    return format('已开始，提交后可读 open once committed: %s · %s · 至 until %s', granted.project, begin_work.purpose,
        to_char(granted.valid_until, 'YYYY-MM-DD HH24:MI'));
end $$;

create or replace function access.end_work() returns void
language sql security definer set search_path = pg_catalog, pg_temp as $$
    update access.work as w set ended_at = clock_timestamp()
    from pg_stat_get_activity(pg_backend_pid()) as s
    where w.pid = s.pid and w.backend_start = s.backend_start and w.ended_at is null
$$;

-- The projects that this session may read now (one or none). A record of the transaction that asks does not count: it could
-- still be rolled back. The clock and not the transaction's time decides, so a long transaction outlives no approval.
create or replace function access.session_projects() returns text[]
language sql stable parallel restricted security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce(array_agg(w.project), '{}')
    from pg_stat_get_activity(pg_backend_pid()) as s
    inner join access.work as w on w.pid = s.pid and w.backend_start = s.backend_start
    inner join access.approval as a on a.approval_id = w.approval_id
    where w.ended_at is null and w.member = session_user
        and w.xid is distinct from pg_current_xact_id_if_assigned()
        and a.revoked_at is null and clock_timestamp() >= a.valid_from and clock_timestamp() < a.valid_until
$$;

-- The diseases of level 5 that this session's person may read now: named by an approval in force for the open project and purpose.
create or replace function access.session_restricted() returns text[]
language sql stable parallel restricted security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce(array_agg(disease), '{}')
    from pg_stat_get_activity(pg_backend_pid()) as s
    inner join access.work as w on w.pid = s.pid and w.backend_start = s.backend_start
    inner join access.approval as a on a.person = w.member and a.project = w.project and w.purpose = any (a.purposes)
    cross join unnest(a.restricted) as disease
    where w.ended_at is null and w.member = session_user
        and w.xid is distinct from pg_current_xact_id_if_assigned()
        and a.revoked_at is null and clock_timestamp() >= a.valid_from and clock_timestamp() < a.valid_until
$$;

drop function if exists access.my_approvals();  -- had no column restricted
create function access.my_approvals()
returns table (project text, purposes text[], restricted text[], valid_from timestamptz, valid_until timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select a.project, a.purposes, a.restricted, a.valid_from, a.valid_until from access.approval as a
    where a.person = session_user and a.revoked_at is null and clock_timestamp() < a.valid_until
    order by a.project, a.valid_until
$$;

drop function if exists access.approve(text, text, text[], timestamptz, timestamptz);  -- had no restricted
create or replace function access.approve(
    person text, project text, purposes text[], valid_from timestamptz, valid_until timestamptz, restricted text[] default '{}'
) returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    given bigint;
    unasked text;
begin
    if not pg_has_role(session_user, 'ethics', 'member') or not exists (
        select from access.person as p where p.login = session_user and p.group_name = 'ethics' and p.removed_at is null
    ) then
        raise exception '% is not of the ethics committee', session_user using errcode = 'insufficient_privilege';
    end if;
    if not exists (
        select from access.person as p where p.login = approve.person and p.removed_at is null
            and p.group_name in ('researcher', 'engineer')
    ) then
        raise exception 'there is no researcher or engineer %', approve.person using errcode = 'invalid_parameter_value';
    end if;
    if not exists (select from access.mart as m where m.project = approve.project) then
        raise exception 'no mart belongs to the project %', approve.project using errcode = 'invalid_parameter_value';
    end if;
    if exists (select from unnest(approve.purposes) as p (text) where not coalesce(access.says_something(p.text), false)) then
        raise exception 'each purpose needs 12 letters (4 Chinese characters) or more'
            using errcode = 'invalid_parameter_value';
    end if;
    select string_agg(coalesce(d.disease, 'null'), ', ') into unasked from unnest(approve.restricted) as d (disease)
    where not exists (
        select from access.mart as m where m.project = approve.project and d.disease = any (m.restricted));
    if approve.restricted is null or unasked is not null then
        raise exception 'the project % does not ask for %', approve.project, coalesce(unasked, 'null')
            using errcode = 'invalid_parameter_value',
                hint = 'its specification names the restricted diseases that it asks for';
    end if;
    insert into access.approval (person, project, purposes, valid_from, valid_until, restricted, approver)
    values (
        approve.person, approve.project, approve.purposes, approve.valid_from, approve.valid_until, approve.restricted,
        session_user)
    returning approval_id into given;
    return given;
end $$;

create or replace function access.revoke(approval bigint) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if not pg_has_role(session_user, 'ethics', 'member') then
        raise exception '% is not of the ethics committee', session_user using errcode = 'insufficient_privilege';
    end if;
    update access.approval as a set revoked_at = clock_timestamp(), revoked_by = session_user
    where a.approval_id = revoke.approval and a.revoked_at is null;
    if not found then
        raise exception 'there is no approval % in force', approval using errcode = 'invalid_parameter_value';
    end if;
end $$;

-- Ends the sessions whose work no approval covers any more: what they hold in an old snapshot or a cursor goes with them.
create or replace function access.end_sessions() returns bigint
language sql security definer set search_path = pg_catalog, pg_temp as $$
    select count(*) filter (where pg_terminate_backend(w.pid))
    from access.work as w
    inner join access.approval as a on a.approval_id = w.approval_id
    inner join pg_stat_get_activity(null) as s on s.pid = w.pid and s.backend_start = w.backend_start
    where w.ended_at is null and w.pid <> pg_backend_pid()
        and (a.revoked_at is not null or clock_timestamp() >= a.valid_until)
$$;

-- Makes a mart's rights what access.mart says: dbt calls it in the transaction that builds the table, `xinglin access apply`
-- on tables that deviate. It runs with the caller's rights. A mart that is not declared belongs to mart_owner and shows
-- nobody anything.
create or replace function access.protect(wanted_schema text, wanted_table text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    target regclass := format('%I.%I', wanted_schema, wanted_table)::regclass;
    declared access.mart;
    entry record;
begin
    select m.* into declared from access.mart as m
    where m.schema_name = wanted_schema and m.table_name = wanted_table;
    if (select c.relowner from pg_class as c where c.oid = target) <> 'mart_owner'::regrole then
        execute format('alter table %s owner to mart_owner', target);
    end if;
    execute format('alter table %s enable row level security, force row level security', target);
    for entry in select p.polname from pg_policy as p where p.polrelid = target loop
        execute format('drop policy %I on %s', entry.polname, target);
    end loop;
    for entry in
        select distinct case when a.grantee = 0 then 'public' else a.grantee::regrole::text end as grantee
        from pg_class as c cross join lateral aclexplode(c.relacl) as a
        where c.oid = target and a.grantee <> c.relowner
        union
        select case when a.grantee = 0 then 'public' else a.grantee::regrole::text end
        from pg_attribute as t cross join lateral aclexplode(t.attacl) as a
        where t.attrelid = target and a.grantee <> 'mart_owner'::regrole
    loop
        execute format('revoke all on %s from %s cascade', target, entry.grantee);
    end loop;
    execute format('create policy service on %s to xinglin_transform using (true) with check (true)', target);
    if declared.project is null then
        return;
    end if;
    execute format(
        'create policy purpose on %s for select to engineer, researcher'
        ' using ((select %L = any (access.session_projects()))%s)', target, declared.project,
        case when declared.restricted <> '{}' then
            ' and (restricted_diseases is null or restricted_diseases <@ (select access.session_restricted()))' end);
    for entry in
        select r.key as reader, string_agg(format('%I', t.attname), ', ' order by t.attnum) as columns
        from jsonb_each(declared.readers) as r
        inner join pg_attribute as t on t.attrelid = target and t.attnum > 0 and not t.attisdropped
            and r.value ? t.attname
        group by r.key
    loop
        execute format('grant select (%s) on %s to %I', entry.columns, target, entry.reader);
    end loop;
end $$;

revoke all on all tables in schema access from public;
revoke execute on all functions in schema access from public;
grant usage on schema access to engineer, researcher, ethics, auditor, xinglin_collect, xinglin_transform, xinglin_admin, xinglin_audit;
grant execute on function access.begin_work(text, text), access.end_work(), access.session_projects(),
    access.session_restricted(), access.my_approvals() to engineer, researcher;
grant execute on function
    access.approve(text, text, text[], timestamptz, timestamptz, text[]), access.revoke(bigint), access.end_sessions() to ethics;
grant execute on function access.end_sessions() to xinglin_admin;
grant execute on function access.protect(text, text) to xinglin_transform, xinglin_admin;
grant select on access.mart to xinglin_transform, xinglin_admin;
grant select on access.restricted_approval to xinglin_transform, xinglin_collect;  -- which sees that marts are out of date
grant insert, update, delete on access.mart to xinglin_admin;
grant select, insert, update on access.person to xinglin_admin;
grant select on access.person, access.mart, access.approval to ethics;
grant select on all tables in schema access to auditor, xinglin_audit;
reset role;
