{#- What a Chinese breast pathology report says, read with regular expressions. All macros take SQL expressions and give SQL
    expressions; reports are normalised first, so that full-width and half-width forms read alike. -#}

{% macro normalized_report(text) -%}
{#- NFKC makes full-width letters, digits, brackets and Roman numerals plain; the rest unifies dashes, tildes and times signs. -#}
translate(normalize(coalesce({{ text }}, ''), nfkc), '—–−―‐〜∼×✕＊', '-----~~xxx')
{%- endmacro %}

{% macro with_marker_abbreviations(text) -%}
{#- Chinese marker names become their abbreviations; a bracket that only repeats the abbreviation goes. -#}
regexp_replace(regexp_replace(regexp_replace({{ text }},
    '雌激素受体\s*(\(?\s*(?<![A-Za-z])ER(?![A-Za-z])\s*\)?)?', ' ER', 'gi'),
    '孕激素受体\s*(\(?\s*(?<![A-Za-z])PR(?![A-Za-z])\s*\)?)?', ' PR', 'gi'),
    '(人?表皮生长因子受体-?2|C-?\s?erb-?\s?B-?\s?2)\s*(\(\s*HER-?\s?2\s*\))?', ' HER2', 'gi')
{%- endmacro %}

{% macro marker_statement(text, name) -%}
{#- The words that follow a marker's name, up to the next marker or sentence, of its first mention that states a result. -#}
(
    select found.matched[1]
    from regexp_matches({{ text }}, '(?<![A-Za-z])(?:{{ name }})(?![A-Za-z])((?:\([^()]*\)|[^A-Za-z();。\n])*)', 'gi')
        with ordinality as found (matched, mention)
    where found.matched[1] ~ '[-+%阴阳]|[0-9]'
    order by found.mention
    limit 1
)
{%- endmacro %}

{% macro er_statement(text) -%}{{ marker_statement(text, 'ER(?:\\s*[/、,和及]\\s*PR)?') }}{%- endmacro %}
{% macro pr_statement(text) -%}{{ marker_statement(text, 'PR(?:\\s*[/、,和及]\\s*ER)?') }}{%- endmacro %}
{% macro ki67_statement(text) -%}{{ marker_statement(text, 'Ki-?\\s?67(?:\\s*[(]\\s*MIB-?1\\s*[)]|指数|增殖指数|标记指数|\\s*LI)*') }}{%- endmacro %}

{% macro stated_percentage(statement) -%}
{#- Percentage of a statement: '<1%' is 0, a range is its middle; null where none is stated. -#}
case
    when {{ statement }} ~ '(<|不足|小于)\s*1\s*%' then 0
    when {{ statement }} ~ '\d\s*%?\s*[-~至]\s*\d+(\.\d+)?\s*%' then (
        select trim_scale((matched[1]::numeric + matched[2]::numeric) / 2)
        from regexp_matches({{ statement }}, '(\d{1,3}(?:\.\d+)?)\s*%?\s*[-~至]\s*(\d{1,3}(?:\.\d+)?)\s*%') as found (matched)
        where matched[1]::numeric <= 100 and matched[2]::numeric <= 100
    )
    else (
        select matched[1]::numeric
        from regexp_matches({{ statement }}, '(\d{1,3}(?:\.\d+)?)\s*%') as found (matched)
        where matched[1]::numeric <= 100
    )
end
{%- endmacro %}

{% macro stated_sign(statement) -%}
{#- positive or negative, whichever the statement says first; null where neither. -#}
case (regexp_match({{ statement }}, '(阴性|阳性|\+|-(?!\s*\d)|\(\s*0\s*\)|neg|pos)', 'i'))[1]
    when '阴性' then 'negative' when '-' then 'negative' when 'neg' then 'negative'
    when '阳性' then 'positive' when '+' then 'positive' when 'pos' then 'positive'
    else case when {{ statement }} ~ '^\s*[:=]?\s*\(?\s*0\s*(\)|$|,)' then 'negative' end
end
{%- endmacro %}

{% macro her2_statement(text) -%}
{#- What the report says of the protein (immunohistochemistry); statements about the gene are passed over. -#}
(
    select found.matched[1]
    from regexp_matches({{ text }},
        '(?<![A-Za-z])HER-?\s?2(?:\s*/\s*neu)?(?![A-Za-z])((?:\([^()]*\)|[^A-Za-z();。\n])*)', 'gi')
        with ordinality as found (matched, mention)
    where found.matched[1] ~ '[-+阴阳]|[0-3]' and found.matched[1] !~* '基因|扩增|FISH|拷贝|信号|比值'
    order by found.mention
    limit 1
)
{%- endmacro %}

{% macro her2_score(statement) -%}
{#- Immunohistochemistry score 0 to 3 of a HER2 statement; an antibody clone in brackets is passed over. -#}
case replace((regexp_match(
        regexp_replace({{ statement }}, '\(\s*[0-9]*[A-Za-z][A-Za-z0-9-]*\s*\)', ''),
        '([1-3]\s*\+|\+{1,3}|阴性|(?<![0-9.])0(?![0-9.%])|(?<![0-9])-(?!\s*[0-9]))'))[1], ' ', '')
    when '3+' then 3 when '+++' then 3
    when '2+' then 2 when '++' then 2
    when '1+' then 1 when '+' then 1
    when '0' then 0 when '-' then 0 when '阴性' then 0
end
{%- endmacro %}

{% macro fish_ratio(text) -%}
{#- Ratio of HER2 to chromosome 17 signals. -#}
(regexp_match({{ text }},
    '(?:HER-?\s?2\s*(?:基因)?(?:信号)?\s*[/:]\s*(?:CEP|CEN|CSP)-?\s?17\)?(?:信号)?|比值|ratio)[^0-9;。\n]{0,12}(\d{1,2}(?:\.\d+)?)', 'i'))[1]::numeric
{%- endmacro %}

{% macro fish_copies(text) -%}
{#- Mean HER2 gene copies a cell. -#}
(regexp_match({{ text }}, '(?:拷贝数|copy\s*number)[^0-9;。\n]{0,12}(\d{1,2}(?:\.\d+)?)', 'i'))[1]::numeric
{%- endmacro %}

{% macro fish_statement(text) -%}
{#- positive or negative as the report words it; a mere advice to test is neither. -#}
case
    when {{ text }} ~* '(无|未见|未检出|未发现|不|未)[^,;。\n]{0,8}扩增|扩增\s*[:(]?\s*(阴性|-)|(FISH|原位杂交)[^;。\n建]{0,24}?(阴性|\(\s*-\s*\))' then 'negative'
    when {{ text }} ~* '(FISH|原位杂交)[^;。\n]{0,30}?(阳性|扩增|\(\s*\+\s*\))|HER-?\s?2\s*基因[^,;。\n]{0,8}扩增|基因扩增\s*[:(]?\s*(阳性|\+)|(有|呈|可见|存在)[^,;。\n]{0,6}扩增' then 'positive'
end
{%- endmacro %}

{% macro largest_diameter_mm(text) -%}
{#- Largest diameter of the first tumour that is measured, in mm; measures of the specimen itself are passed over. -#}
(
    select round(greatest(matched[1]::numeric, matched[3]::numeric, matched[5]::numeric)
                 * case when coalesce(matched[6], matched[4], matched[2]) ~* '^(mm|毫米)' then 1 else 10 end, 1)
    from regexp_matches({{ text }},
        '(?:肿瘤|肿物|肿块|癌灶|病灶|结节|最大径|最大直径|直径)[^。;\n0-9]{0,20}(\d{1,3}(?:\.\d+)?)\s*(cm|mm|厘米|毫米)?'
        || '(?:\s*[x*X]\s*(\d{1,3}(?:\.\d+)?)\s*(cm|mm|厘米|毫米)?)?(?:\s*[x*X]\s*(\d{1,3}(?:\.\d+)?)\s*(cm|mm|厘米|毫米)?)?', 'i')
        as found (matched)
    where coalesce(matched[6], matched[4], matched[2]) is not null
)
{%- endmacro %}

{% macro lymph_nodes(text, position) -%}
{#- Sum over all node groups of a report: position 1 = with metastasis, 2 = examined. -#}
(
    select sum(matched[{{ position }}]::integer)::integer
    from regexp_matches({{ text }}, '(?:淋巴结|SLN|前哨)[^0-9。;\n]{0,24}?\(?\s*(\d{1,2})\s*/\s*(\d{1,2})(?![0-9/])', 'gi') as found (matched)
    where matched[1]::integer <= matched[2]::integer
)
{%- endmacro %}

{% macro histologic_grade(text) -%}
{#- Nottingham grade 1 to 3; of a range the higher one. In situ nuclear grade, Miller-Payne and BI-RADS are passed over. -#}
(
    select case coalesce(matched[2], matched[1])
               when 'III' then 3 when '3' then 3 when 'II' then 2 when '2' then 2 when 'I' then 1 when '1' then 1 end
    from regexp_matches({{ text }},
        '(?:组织学|WHO|Nottingham|SBR|浸润|癌|分级)[^。;\n]{0,18}?(?<![A-Za-z0-9])(III|II|I|[1-3])(?:\s*[-~至]\s*(III|II|I|[1-3]))?\s*级', 'i') as found (matched)
)
{%- endmacro %}

{% macro tnm_category(text, axis) -%}
{#- T, N or M category of the first TNM statement, e.g. pT1cN0(sn)M0 -> '1c', '0', '0'; M may be left out. -#}
(regexp_match({{ text }}, '(?<![A-Za-z])[cpy]{0,2}T\s?(is|[0-4](?:mi|[a-d])?)\s?[cpy]{0,2}N\s?([0-3](?:mi|[a-c])?)(?:\([^()]*\))?(?:\s?[cpy]{0,2}M\s?([01x]))?', 'i'))[{{ {'T': 1, 'N': 2, 'M': 3}[axis] }}]
{%- endmacro %}

{% macro stated_stage(text) -%}
{#- Stage group as worded: 0, IA … IV (II without a letter stays II). -#}
upper((regexp_match({{ text }}, '(?<![A-Za-z])(IV|III[A-C]?|II[AB]?|I[AB]?|0)\s*期', 'i'))[1])
{%- endmacro %}

{% macro tnm_prefix(text) -%}
{#- c, p or yp in front of the first complete TNM statement; null where none. -#}
lower((regexp_match({{ text }}, '(?<![A-Za-z])([cpy]{1,2})T\s?(?:is|[0-4])(?:mi|[a-d])?\s?[cpy]{0,2}N\s?[0-3]'))[1])
{%- endmacro %}

{% macro laterality(text) -%}
{#- left, right or bilateral breast, as the Chinese or English text names it. -#}
case
    when {{ text }} ~* '双侧?乳|双乳|bilateral' then 'bilateral'
    when {{ text }} ~* '左侧?(乳|胸)|左乳|left' then 'left'
    when {{ text }} ~* '右侧?(乳|胸)|右乳|right' then 'right'
end
{%- endmacro %}

{% macro bi_rads(impression, findings) -%}
{#- BI-RADS category of an imaging report as text, e.g. 'BI-RADS 4B'; null where none is stated. -#}
'BI-RADS ' || upper((regexp_match(normalize(concat_ws(' ', {{ impression }}, {{ findings }}), nfkc),
    'BI-?\s?RADS[^0-9IV;。]{0,10}([0-6][A-C]?)', 'i'))[1])
{%- endmacro %}
