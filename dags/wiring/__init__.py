"""What all DAGs share: assets, defaults, tags and connections. Holds no DAG."""
