{{ published_lineage('int_breast_cancer_patient') }}
