{{ held_back_rows('procedure') }}
