"""Word tables: surnames, characters of given names, words that look like names, labels and titles around names."""
