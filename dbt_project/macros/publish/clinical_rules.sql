{#- Clinical rules over extracted values. The numbers come from the seed clinical_threshold. -#}

{% macro threshold(name) -%}
(select clinical_threshold.value from {{ ref('clinical_threshold') }} as clinical_threshold where clinical_threshold.name = '{{ name }}')
{%- endmacro %}

{% macro receptor_status(percentage, statement, threshold_name) -%}
{#- positive or negative: a stated percentage decides, else the stated sign; null where the report says nothing. -#}
case
    when {{ percentage }} >= {{ threshold(threshold_name) }} then 'positive'
    when {{ percentage }} < {{ threshold(threshold_name) }} then 'negative'
    else {{ stated_sign(statement) }}
end
{%- endmacro %}

{% macro fish_result(statement, ratio, copies) -%}
{#- Gene amplification: the report's own words, else the dual-probe rule of ASCO/CAP 2018; null where undecided. -#}
coalesce({{ statement }}, case
    when {{ ratio }} >= {{ threshold('fish_ratio_positive') }}
         and coalesce({{ copies }} >= {{ threshold('fish_copies_positive') }}, true) then 'positive'
    when {{ ratio }} < {{ threshold('fish_ratio_positive') }}
         and coalesce({{ copies }} < {{ threshold('fish_copies_high') }}, true) then 'negative'
end)
{%- endmacro %}

{% macro her2_status(score, sign, fish) -%}
{#- 3+ or amplified is positive, 0 and 1+ negative, 2+ equivocal until the gene is tested. -#}
case
    when {{ score }} = 3 or {{ fish }} = 'positive' then 'positive'
    when {{ score }} in (0, 1) or {{ fish }} = 'negative' then 'negative'
    when {{ score }} = 2 then 'equivocal'
    else {{ sign }}
end
{%- endmacro %}

{% macro matches_rule(rule_column, value) -%}
{#- A rule's cell matches its value or, as '*', every value. -#}
({{ rule_column }} = '*' or {{ rule_column }} = {{ value }})
{%- endmacro %}

{% macro molecular_subtype(er_status, pr_status, pr_pct, her2_status, ki67_pct) -%}
{#- First matching row of the seed molecular_subtype_rule. -#}
(
    select rule.subtype
    from {{ ref('molecular_subtype_rule') }} as rule
    where {{ matches_rule('rule.hormone_receptor',
             "case when " ~ er_status ~ " is null or " ~ pr_status ~ " is null then 'unknown'"
             ~ " when 'positive' in (" ~ er_status ~ ", " ~ pr_status ~ ") then 'positive' else 'negative' end") }}
      and {{ matches_rule('rule.her2', "coalesce(" ~ her2_status ~ ", 'unknown')") }}
      and {{ matches_rule('rule.pr_high',
             "case when " ~ pr_pct ~ " is null then 'unknown' when " ~ pr_pct ~ " >= " ~ threshold('pr_high')
             ~ " then 'yes' else 'no' end") }}
      and {{ matches_rule('rule.ki67',
             "case when " ~ ki67_pct ~ " is null then 'unknown' when " ~ ki67_pct ~ " >= " ~ threshold('ki67_high')
             ~ " then 'high' else 'low' end") }}
    order by rule.priority
    limit 1
)
{%- endmacro %}

{% macro anatomic_stage(t, n, m) -%}
{#- AJCC 8 anatomic stage group of T, N and M categories (no or unknown M counts as M0); null where they do not decide. -#}
(
    select stage.stage_group
    from {{ ref('anatomic_stage_group') }} as stage
    where {{ matches_rule('stage.t_category', "substring(lower(" ~ t ~ ") from '^(is|[0-4])')") }}
      and {{ matches_rule('stage.n_category', "substring(lower(" ~ n ~ ") from '^(1mi|[0-3])')") }}
      and {{ matches_rule('stage.m_category', "case when coalesce(lower(" ~ m ~ "), 'x') = 'x' then '0' else " ~ m ~ " end") }}
    order by stage.m_category desc, stage.n_category desc
    limit 1
)
{%- endmacro %}

{% macro ctcae_grade(value, rule, reference_low, reference_high) -%}
{#- True where a value meets the bound of one row of the seed ctcae_grade; a bound in limits needs the laboratory's limit. -#}
case {{ rule }}.direction
    when 'low' then {{ value }} < {{ rule }}.bound * case {{ rule }}.bound_basis when 'lln' then {{ reference_low }} else 1 end
    else {{ value }} > {{ rule }}.bound * case {{ rule }}.bound_basis when 'uln' then {{ reference_high }} else 1 end
end
{%- endmacro %}

{% macro earliest_stated(column, stated=none) -%}
{#- Aggregate over a person's findings: the value of the earliest report that states it (or states another column). -#}
(array_agg(finding.{{ column }} order by finding.reported_on, finding._row_id)
    filter (where finding.{{ stated or column }} is not null))[1]
{%- endmacro %}
