"""De-identification of values and clinical text.

The package gets values and a policy and gives values back. It knows nothing of Airflow, dbt or the warehouse, opens no
connection, keeps no table of plain names, and draws all randomness from keys that are passed in.
"""
