{{ released_rows('lab_result') }}
