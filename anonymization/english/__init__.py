"""English names, places and institutions: word lists, the features of a token, and the model that reads them."""
