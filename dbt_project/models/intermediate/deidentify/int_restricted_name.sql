with named as materialized (  -- the few distinct names are matched, not every row
    select distinct 'lab_result'::text as table_name, test_name as name from {{ ref('base_lab_result') }}
    union all
    select distinct 'clinical_order', name from {{ ref('base_clinical_order') }}
    union all
    select distinct 'medication', drug_name from {{ ref('base_medication') }}
    union all
    select distinct 'procedure', name from {{ ref('base_procedure') }}
),

int_restricted_name as (
    select table_name, name
    from named
    where name ~* (select string_agg(pattern, '|') from {{ ref('restricted_term') }})
)

select * from int_restricted_name
