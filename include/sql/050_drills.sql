-- Restore drills, and what is open until a good one closes it (docs/decisions/0020).

-- One row per drill; document is the signed evidence as it stands in its file.
create table if not exists governance.drill (
    drill_id        text primary key,
    kind            text not null check (kind in ('time', 'latest', 'ransomware')),
    passed          boolean not null,
    started_at      timestamptz not null,
    ended_at        timestamptz not null,
    target          timestamptz,
    recovered_to    timestamptz,
    backup_id       text,
    rpo_seconds     double precision,
    rto_seconds     double precision,
    failed_checks   text[] not null,
    document        jsonb not null,
    run_id          text not null
);

-- One row per incident: a failed drill or a warning sign, open until a good drill of its kind, or a quiet sign, closes it.
create table if not exists governance.incident (
    incident_id bigint generated always as identity primary key,
    kind        text not null,           -- drill:time, drill:latest, drill:ransomware, sign:<name>
    words       text not null,
    opened_at   timestamptz not null default now(),
    opened_by   text not null,           -- the drill or the run
    closed_at   timestamptz,
    closed_by   text
);
create unique index if not exists incident_open on governance.incident (kind) where closed_at is null;

-- One row per measured figure of a warning sign, so that later ones can be held against the trend.
create table if not exists governance.sign_figure (
    sign        text not null,
    object      text not null,           -- schema.table.column, or a folder's name
    measured_at timestamptz not null default now(),
    value       double precision not null,
    primary key (sign, object, measured_at)
);

grant select, insert on governance.drill, governance.sign_figure to xinglin_backup;
grant select, insert, update on governance.incident to xinglin_backup;

-- A decoy: nobody has a reason to touch it. What encrypts or alters tables at large alters it too (xinglin backup warnings).
do $$ begin
    if to_regclass('governance.decoy') is null then
        create table governance.decoy (id integer primary key, content text not null);
        insert into governance.decoy select i, md5('xinglin decoy ' || i) from generate_series(1, 64) as i;
    end if;
end $$;
