"""The stages of the lifecycle as functions: what a DAG task or the command line calls, with their records."""
