{{ released_rows('medication') }}
