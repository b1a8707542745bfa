-- Generated from include/projects/hypertension_follow_up.yaml by python -m governance.projects; not edited by hand.
{{ published_mart('int_hypertension_follow_up_diagnosis') }}
