-- Zones of the warehouse (docs/architecture.md) and who owns them. Applied by governance.migrate as xinglin_admin; safe to repeat.
create schema if not exists landing;
create schema if not exists quarantine;
create schema if not exists vault;
create schema if not exists governance;
create schema if not exists reference authorization xinglin_transform;
create schema if not exists staging authorization xinglin_transform;
create schema if not exists intermediate authorization xinglin_transform;
create schema if not exists base authorization xinglin_transform;
create schema if not exists deid authorization xinglin_transform;
create schema if not exists held_back authorization xinglin_transform;  -- level 5: no group is ever granted anything here
create schema if not exists specialty authorization mart_owner;
create schema if not exists research authorization mart_owner;
alter schema specialty owner to mart_owner;
alter schema research owner to mart_owner;
create schema if not exists open_data authorization xinglin_transform;
create schema if not exists lineage authorization xinglin_transform;
revoke all on schema public from public;
