"""The de-identification stage: free text is scrubbed in the worker's memory with what is known of its patient."""
