{{ published_lineage('int_breast_cancer_treatment_line') }}
