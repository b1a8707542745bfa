{{ held_back_rows('lab_result') }}
