-- One row per pathology report of the cohort: its texts joined, normalised, and cut into the statements about each marker.
with report as materialized (  -- normalised once
    select
        pathology_report.report_key,
        pathology_report.person_id,
        pathology_report.specimen,
        pathology_report.received_on,
        pathology_report.reported_on,
        pathology_report._row_id,
        {{ with_marker_abbreviations(normalized_report(
            "concat_ws(e'\\n', pathology_report.diagnosis_text, pathology_report.ihc_text)")) }} as body,
        {{ normalized_report('pathology_report.gross_text') }} as gross
    from {{ ref('deid_pathology_report') }} as pathology_report
    where pathology_report.person_id in (select cohort.person_id from {{ ref('int_breast_cancer_cohort') }} as cohort)
),

int_breast_pathology_text as (
    select
        report.*,
        {{ er_statement('report.body') }} as er_statement,
        {{ pr_statement('report.body') }} as pr_statement,
        {{ her2_statement('report.body') }} as her2_statement,
        {{ ki67_statement('report.body') }} as ki67_statement
    from report
)

select * from int_breast_pathology_text
