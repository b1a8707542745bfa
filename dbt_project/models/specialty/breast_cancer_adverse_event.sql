{{ published_mart('int_breast_cancer_adverse_event') }}
