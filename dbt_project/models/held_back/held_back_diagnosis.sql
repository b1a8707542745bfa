{{ held_back_rows('diagnosis') }}
