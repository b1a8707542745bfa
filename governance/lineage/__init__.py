"""Lineage in three grains: runs and data sets (OpenLineage events), columns, and rows."""
