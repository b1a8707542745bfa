"""dbt as a stage: one invocation a layer, in the caller's process, with each node's outcome and lineage recorded."""
