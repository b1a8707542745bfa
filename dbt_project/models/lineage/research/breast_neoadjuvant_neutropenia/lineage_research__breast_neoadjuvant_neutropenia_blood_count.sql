-- Generated from include/projects/breast_neoadjuvant_neutropenia.yaml by python -m governance.projects; not edited by hand.
{{ published_lineage('int_breast_neoadjuvant_neutropenia_blood_count') }}
