-- No column of a zone that researchers read, or of deid and held_back, is named like a direct identifier or a key of base.
{{ config(tags=['publish']) }}  -- runs when all of these zones are built
-- depends_on: {{ ref('lineage_specialty__breast_cancer_event') }}
select table_schema, table_name, column_name
from information_schema.columns
where table_schema in ('deid', 'held_back', 'specialty', 'research')
  and (
      column_name in ('patient_key', 'patient_no', 'mrn', 'admission_no', 'pathology_no', 'accession_no', 'row_salt',
                      'date_shift_days', 'birth_date', 'title')
      or column_name = 'person_key' and table_name <> 'free_text'
      or column_name ~ '(resident_id|id_card|mobile|phone|address|employer|patient_name|contact_name|physician|surgeon|_doctor|author_name|ssn|passport)'
      or table_schema not in ('deid', 'held_back') and (column_name = 'person_id' or column_name ~ '^_row_id')
  )
