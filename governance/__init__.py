"""Xinglin's governance packages: contracts, collection, lineage, keys, access, backup, and the embedded runtime."""

__version__ = "0.1.0"
