{{ released_rows('clinical_order') }}
