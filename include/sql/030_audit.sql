-- The audit log (docs/decisions/0013): what was done, by whom, to what, and how many; no personal content.
create schema if not exists audit;

-- One row per event. The columns up to detail, as COPY writes them, are what leaf and chain are made of.
create table if not exists audit.record (
    seq         bigint primary key check (seq > 0),   -- 1, 2, 3 … without gaps
    seal        text not null,                        -- how the chain was made: algorithm/key version
    recorded_at timestamptz not null,
    kind        text not null,                        -- governance.audit.Kind
    actor       text not null,                        -- login, or for actions in Airflow its user
    project     text,
    purpose     text,
    object      text,                                 -- what it was done to: schema.table, stage:…, dag:…
    count       bigint,                               -- rows, values or files
    detail      json not null,                        -- canonical JSON; json and not jsonb, because it keeps its bytes
    leaf        bytea not null check (octet_length(leaf) = 32),
    chain       bytea not null check (octet_length(chain) = 32)
);
create index if not exists record_kind on audit.record (kind, seq);

-- One row per signed checkpoint: the tree of the first size records. Its file stands under another custodian.
create table if not exists audit.checkpoint (
    size      bigint primary key check (size > 0),
    root      bytea not null check (octet_length(root) = 32),
    chain     bytea not null check (octet_length(chain) = 32),
    made_at   timestamptz not null,
    key_id    text not null,
    signature bytea not null,
    frontier  bytea not null           -- roots of the full subtrees from the left, 32 bytes each: the next one goes on here
);

create or replace function audit.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% on %.% is refused: the audit log is append-only', tg_op, tg_table_schema, tg_table_name
        using errcode = 'insufficient_privilege';
end $$;

create or replace function audit.check_sequence() returns trigger language plpgsql as $$
declare
    lowest bigint; highest bigint; amount bigint; before bigint;
begin
    select min(seq), max(seq), count(*) into lowest, highest, amount from fresh;
    if amount > 0 then
        select coalesce(max(seq), 0) into before from audit.record where seq < lowest;
        if lowest <> before + 1 or highest <> before + amount then
            raise exception 'audit records %–% do not follow record %', lowest, highest, before
                using errcode = 'integrity_constraint_violation';
        end if;
    end if;
    return null;
end $$;

create or replace trigger append_only before update or delete or truncate on audit.record
    for each statement execute function audit.refuse_change();
create or replace trigger append_only before update or delete or truncate on audit.checkpoint
    for each statement execute function audit.refuse_change();
create or replace trigger without_gaps after insert on audit.record
    referencing new table as fresh for each statement execute function audit.check_sequence();

-- The owner gives up what nobody needs; the services append as members of audit_appender.
revoke update, delete, truncate on audit.record, audit.checkpoint from xinglin_admin;
revoke execute on function audit.refuse_change(), audit.check_sequence() from public;
grant usage on schema audit to audit_appender, xinglin_audit, auditor;
grant insert, select (seq, leaf, chain) on audit.record to audit_appender;
grant insert on audit.checkpoint to xinglin_audit;
grant select on audit.record, audit.checkpoint to xinglin_audit, auditor;
