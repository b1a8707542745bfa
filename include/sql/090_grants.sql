-- What each service role and each group may do. Nothing is granted to PUBLIC.
grant usage on schema landing, quarantine, vault, governance to xinglin_collect;
grant insert, select on all tables in schema landing to xinglin_collect;
grant insert on all tables in schema vault, quarantine to xinglin_collect;
revoke insert on vault.pseudonym, vault.project_salt from xinglin_collect;  -- the de-identification stage makes these
grant select on all tables in schema governance to xinglin_collect, xinglin_transform, xinglin_deidentify;
grant insert, update, delete on governance.delivery_file, governance.batch_skipped to xinglin_collect;
grant insert on governance.batch to xinglin_collect;
grant usage on all sequences in schema governance to xinglin_collect, xinglin_transform, xinglin_deidentify, xinglin_backup;
grant usage on schema governance to xinglin_transform, xinglin_deidentify, xinglin_backup, xinglin_audit;
grant insert, update on governance.stage_run, governance.watermark
    to xinglin_collect, xinglin_transform, xinglin_deidentify, xinglin_backup;
grant insert on governance.lineage_event to xinglin_collect, xinglin_transform, xinglin_deidentify, xinglin_backup;
grant insert on governance.contract to xinglin_collect;
grant insert, delete on governance.column_lineage to xinglin_transform;
grant insert on governance.model_run to xinglin_transform;
grant insert, update on governance.backup to xinglin_backup;
grant update (restored_at) on governance.backup to xinglin_audit;

grant usage on schema landing, vault to xinglin_transform;
grant select on all tables in schema landing to xinglin_transform;
grant select on vault.pseudonym, vault.project_salt to xinglin_transform;
grant select on deid.free_text to xinglin_transform;

grant usage on schema landing, vault, base, deid, intermediate to xinglin_deidentify;
grant select on all tables in schema landing, vault to xinglin_deidentify;
grant insert on vault.pseudonym, vault.project_salt to xinglin_deidentify;
grant insert, update, select on deid.free_text to xinglin_deidentify;
alter default privileges for role xinglin_transform in schema base grant select on tables to xinglin_deidentify;
grant select on all tables in schema base to xinglin_deidentify;

grant usage on schema landing, base, deid, specialty, open_data, governance, staging, reference to engineer;
grant select on all tables in schema landing, governance to engineer;
alter default privileges for role xinglin_transform in schema base, deid, open_data, staging, reference
    grant select on tables to engineer;
grant usage on schema specialty, research, open_data to researcher;
alter default privileges for role xinglin_transform in schema open_data grant select on tables to researcher;
-- Marts are granted column by column, by access.protect (040_access.sql); an older warehouse granted whole tables.
alter default privileges for role xinglin_transform in schema specialty, research
    revoke select on tables from engineer, researcher;
grant usage on schema governance, open_data to auditor;
grant select on all tables in schema governance to auditor;

create or replace view governance.quarantined with (security_barrier) as
select
    batch_id, row_number, source, source_table, rule_ids, quarantined_at
from quarantine.row;
comment on view governance.quarantined is 'One row per refused source row: rules and place, without its content.';
grant select on governance.quarantined to engineer, auditor;
revoke all on governance.quarantined from xinglin_collect, xinglin_transform, xinglin_deidentify;  -- a second run grants it above
comment on view deid.text_span is 'One row per replaced identifier: place, type, recognizer, score; no text.';
grant select on deid.text_span to engineer, xinglin_deidentify, xinglin_audit;
