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
    select
        named.table_name,
        named.name,
        array_agg(distinct term.disease order by term.disease) as diseases
    from named
    inner join {{ ref('restricted_term') }} as term on named.name ~* term.pattern
    group by named.table_name, named.name
)

select * from int_restricted_name
