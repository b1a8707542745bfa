{{ released_rows('procedure') }}
