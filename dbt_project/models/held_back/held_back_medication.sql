{{ held_back_rows('medication') }}
