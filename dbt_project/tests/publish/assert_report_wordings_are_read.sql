-- The many ways in which Chinese reports word a marker, through all extraction macros at once; not templates of the sample hospital.
{{ config(tags=['publish']) }}  -- proves the macros of the layer on the server that runs them
with wording (report, er_pct, er_sign, pr_pct, her2_score, fish, ki67_pct) as (
    values
    ('免疫组化：ER（+，约90%），PR（+，20%），HER2（2+），Ki67（+，约30%）', 90, 'positive', 20, 2, null, 30),
    ('ER(90%,强) PR(5%，弱) HER-2(1+) Ki-67(15%)', 90, null, 5, 1, null, 15),
    ('ER（3+，95%）；PR（-）；Cerb-B2（3+）；Ki-67指数约15%', 95, 'positive', null, 3, null, 15),
    ('雌激素受体（ER）阳性(80-90%)，孕激素受体(PR)阴性，C-erbB-2(0)，Ki-67约5-10%', 85, 'positive', null, 0, null, 7.5),
    ('ER阴性，PR阴性，HER-2: 1+，Ki-67 60%', null, 'negative', null, 1, null, 60),
    ('ER<1%，PR＜1%，HER2(+++)，Ki67：70%+', 0, null, 0, 3, null, 70),
    ('ER、PR均（-），HER2（-），Ki67（80%+）', null, 'negative', null, 0, null, 80),
    ('ER/PR（-），HER-2（3+），Ki67约40%', null, 'negative', null, 3, null, 40),
    ('ER 约80%+，PR 约60%+，HER-2/neu（2+），建议行FISH检测', 80, 'positive', 60, 2, null, null),
    ('FISH：HER2基因扩增阳性，HER2/CEP17=2.6', null, null, null, null, 'positive', null),
    ('荧光原位杂交（FISH）检测结果：未见HER2基因扩增（HER2/CEP17比值1.2）', null, null, null, null, 'negative', null),
    ('HER-2（4B5）（2+）；HER2 FISH（-）', null, null, null, 2, 'negative', null),
    ('ER（强+，95%）PR（中等+，40%）HER2（0）Ki-67（热点区25%）', 95, 'positive', 40, 0, null, 25),
    ('免疫组化检测项目：ER、PR、HER2、Ki67。结果：ER(-)，PR(-)，HER2(1+)，Ki67(50%)', null, 'negative', null, 1, null, 50),
    ('（左乳）导管原位癌，未行免疫组化', null, null, null, null, null, null)
),

normalised as materialized (
    select wording.*, {{ with_marker_abbreviations(normalized_report('wording.report')) }} as body
    from wording
),

stated as materialized (
    select
        normalised.*,
        {{ er_statement('normalised.body') }} as er_statement,
        {{ pr_statement('normalised.body') }} as pr_statement,
        {{ her2_statement('normalised.body') }} as her2_statement,
        {{ ki67_statement('normalised.body') }} as ki67_statement
    from normalised
),

found as (
    select
        stated.*,
        {{ stated_percentage('stated.er_statement') }} as found_er_pct,
        {{ stated_sign('stated.er_statement') }} as found_er_sign,
        {{ stated_percentage('stated.pr_statement') }} as found_pr_pct,
        {{ her2_score('stated.her2_statement') }} as found_her2_score,
        {{ fish_statement('stated.body') }} as found_fish,
        {{ stated_percentage('stated.ki67_statement') }} as found_ki67_pct
    from stated
)

select *
from found
where found_er_pct is distinct from er_pct
   or found_er_sign is distinct from er_sign and er_pct is null
   or found_pr_pct is distinct from pr_pct
   or found_her2_score is distinct from her2_score
   or found_fish is distinct from fish
   or found_ki67_pct is distinct from ki67_pct
