{{ published_mart('int_breast_cancer_pathology') }}
