-- Records of what the pipeline did. One statement of meaning a table; grain first.

-- One row per loaded batch: a run of consecutive lines of one file, loaded in one transaction.
create sequence if not exists governance.batch_id_seq as integer;
create table if not exists governance.batch (
    batch_id         integer primary key default nextval('governance.batch_id_seq'),
    source           text not null,
    source_table     text not null,
    contract_version text not null,
    delivery         text not null,        -- the delivery's folder name, e.g. 2026-06-01; '' for flat folders
    file             text not null,        -- relative to the deliveries root
    first_line       integer not null,
    content_hash     uuid not null,        -- keyed hash of the batch's bytes
    rows_in          integer not null,
    accepted         integer not null,
    quarantined      integer not null,
    encrypted_values integer not null,
    tokenised_values integer not null,
    rules_broken     jsonb not null,       -- rule id -> rows, errors and warnings
    run_id           text not null,
    seconds          double precision not null,
    loaded_at        timestamptz not null default now(),
    withdrawn        integer not null default 0,   -- rows of persons who withdrew, taken out again or never taken in
    constraint batch_conserves check (rows_in = accepted + quarantined + withdrawn),
    unique (source, source_table, content_hash)
);
alter table governance.batch add column if not exists withdrawn integer not null default 0;
alter table governance.batch drop constraint if exists batch_check, drop constraint if exists batch_conserves,
    add constraint batch_conserves check (rows_in = accepted + quarantined + withdrawn);

-- One row per batch that arrived again with the same content and was therefore not loaded.
create table if not exists governance.batch_skipped (
    source       text not null,
    source_table text not null,
    file         text not null,
    first_line   integer not null,
    rows_in      integer not null,
    batch_id     integer not null references governance.batch,   -- the batch that holds this content
    run_id       text not null,
    skipped_at   timestamptz not null default now(),
    primary key (source, source_table, file, first_line)
);

-- One row per delivered file in the state that it was last seen in.
create table if not exists governance.delivery_file (
    source          text not null,
    source_table    text not null,
    file            text not null,
    bytes           bigint not null,
    content_hash    uuid not null,
    state           text not null check (state in ('loaded', 'refused')),
    rows_in         bigint not null,
    message         text not null default '',   -- why it was refused, or which columns were unknown or missing
    run_id          text not null,
    seen_at         timestamptz not null default now(),
    primary key (source, source_table, file)
);

-- One row per refused source row; the row itself is encrypted whole.
create table if not exists quarantine.row (
    batch_id       integer not null references governance.batch,
    row_number     integer not null,
    source         text not null,
    source_table   text not null,
    rule_ids       text[] not null,
    payload        bytea not null,
    patient_key    uuid,                  -- whose row it is, where the row itself says so; its key encrypts it
    quarantined_at timestamptz not null default now(),
    primary key (batch_id, row_number)
);
alter table quarantine.row add column if not exists patient_key uuid;
create index if not exists row_patient on quarantine.row (patient_key) where patient_key is not null;

-- One row per run of a stage (one DAG run of collect, standardize, deidentify, publish or back_up).
create table if not exists governance.stage_run (
    run_id     text not null,
    stage      text not null,
    state      text not null check (state in ('running', 'success', 'failed')),
    started_at timestamptz not null default now(),
    ended_at   timestamptz,
    rows_in    bigint,
    rows_out   bigint,
    withdrawn  bigint not null default 0,
    details    jsonb not null default '{}',
    primary key (run_id, stage)
);

-- One row per dbt node (model, seed, test) and run.
create table if not exists governance.model_run (
    run_id        text not null,
    layer         text not null,
    node          text not null,
    resource_type text not null,
    state         text not null,
    seconds       double precision not null,
    rows          bigint,
    message       text,
    finished_at   timestamptz not null default now()
);
create index if not exists model_run_run on governance.model_run (run_id, layer);

-- One row per stage: up to which batch, and under which code and policy, its output is current.
create table if not exists governance.watermark (
    stage       text primary key,
    batch_id    integer not null,
    fingerprint text not null,
    run_id      text not null,
    updated_at  timestamptz not null default now()
);

-- One row per OpenLineage event, as emitted.
create table if not exists governance.lineage_event (
    event_id   bigint generated always as identity primary key,
    event_time timestamptz not null,
    event_type text not null,
    job        text not null,
    run_id     text not null,
    event      jsonb not null
);
create index if not exists lineage_event_job on governance.lineage_event (job, event_time);

-- One row per column and one of the columns (or constants) that it comes from directly.
create table if not exists governance.column_lineage (
    schema_name   text not null,
    table_name    text not null,
    column_name   text not null,
    source_schema text not null,      -- '' for a constant
    source_table  text not null,
    source_column text not null,
    via           text not null,      -- dbt, contract, scrub, constant
    unique (schema_name, table_name, column_name, source_schema, source_table, source_column)
);

-- One row per contract version that has been in force, with the fields' classes and levels (data dictionary).
create table if not exists governance.contract (
    contract_id text not null,
    version     text not null,
    digest      text not null,
    document    jsonb not null,
    seen_at     timestamptz not null default now(),
    primary key (contract_id, version, digest)
);

-- One row per backup.
create table if not exists governance.backup (
    backup_id   text primary key,
    started_at  timestamptz not null,
    ended_at    timestamptz not null,
    file        text not null,
    bytes       bigint not null,
    sha256      text not null,
    recipients  text[] not null,
    rows        jsonb not null,       -- schema.table -> row count
    hashes      jsonb not null,       -- schema.table -> content hash
    run_id      text not null,
    restored_at timestamptz
);
alter table governance.backup  -- file and sha256 are those of its signed manifest, bytes of all its files
    add column if not exists kind      text not null default 'full' check (kind in ('full', 'incremental')),
    add column if not exists parent    text,
    add column if not exists timeline  integer,
    add column if not exists start_lsn pg_lsn,
    add column if not exists end_lsn   pg_lsn,
    add column if not exists expired_at timestamptz;

-- One row per person: pseudonym of the de-identified zone, salt of its row keys, days by which its dates move.
create table if not exists vault.pseudonym (
    person_key      uuid primary key,
    person_id       uuid not null unique,
    row_salt        uuid not null,
    date_shift_days integer not null
);

-- One row per research project: the salt of its research ids.
create table if not exists vault.project_salt (
    project text primary key,
    salt    uuid not null
);

-- One row per source row and free-text field: the scrubbed text. text is null where the note is withheld.
create table if not exists deid.free_text (
    row_id         bigint not null,
    field          text not null,
    source         text not null,
    source_table   text not null,
    person_key     uuid,
    text           text,
    withheld       text,               -- why the text is withheld, else null
    entities       jsonb not null,     -- entity type -> count
    spans          jsonb not null,     -- [[start, end, type, recognizer, score], …] in the scrubbed text
    characters     integer not null,   -- characters of the original
    content_hash   uuid not null,      -- keyed hash of the original
    policy_version text not null,
    batch_id       integer not null,
    run_id         text not null,
    scrubbed_at    timestamptz not null default now(),
    primary key (row_id, field),
    check ((text is null) = (withheld is not null))
);
create index if not exists free_text_batch on deid.free_text (batch_id);
create index if not exists free_text_person on deid.free_text (person_key);
create index if not exists free_text_scrubbed on deid.free_text (scrubbed_at);

-- One row per replaced identifier: where it stands in the scrubbed text, its kind and how it was found; never any text.
create or replace view deid.text_span as
select
    f.row_id, f.field,
    (span.value ->> 0)::integer as start, (span.value ->> 1)::integer as "end", span.value ->> 2 as type,
    span.value ->> 3 as recognizer, (span.value ->> 4)::real as score, f.policy_version
from deid.free_text as f cross join lateral jsonb_array_elements(f.spans) as span;
