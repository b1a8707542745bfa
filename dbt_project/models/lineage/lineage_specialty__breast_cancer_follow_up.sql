{{ published_lineage('int_breast_cancer_follow_up') }}
