{{ released_rows('diagnosis') }}
