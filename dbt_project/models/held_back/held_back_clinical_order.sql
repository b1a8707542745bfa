{{ held_back_rows('clinical_order') }}
